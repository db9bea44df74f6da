// SPDX-License-Identifier: BSD-2-Clause
#include <nr/nr.h>
#include <stdio.h>

struct counter {
    long value;
};

static long counter_apply(struct counter *c, const long *by)
{
    return c->value += *by;
}
static long counter_read(const struct counter *c, const char *query)
{
    return (void)query, c->value;
}

NR_PLAIN(counter, struct counter)
NR_DEFINE(counter, struct counter, long, long, char, long);

int main(void)
{
    struct counter_nr *nr;
    struct counter_thread *me;
    if (counter_nr_create(&(struct nr_config){.replicas = 2}, &nr) || counter_register(nr, 0, &me))
        return 1;
    printf("%ld\n", counter_execute(me, &(long){42}));
    counter_unregister(me);
    return counter_nr_destroy(nr);
}
