// SPDX-License-Identifier: BSD-2-Clause
//
// What stands in for libFuzzer where the compiler has none:
//
//     PROGRAM ROUNDS [FILE-OR-DIRECTORY...]
//
// runs all inputs named, and then ROUNDS random changes of them (or of nothing).

#include "../unit/kernel/random.h"
#include "fuzz.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INPUTS 4096
#define MAX_SIZE   65536

struct input {
    uint8_t *bytes;
    size_t size;
};

static struct random dice;
static struct input inputs[MAX_INPUTS];
static size_t n_inputs;

static void add_file(const char *path)
{
    static uint8_t buffer[MAX_SIZE];
    FILE *file = fopen(path, "rb");
    if (!file || n_inputs == MAX_INPUTS) {
        perror(path);
        exit(2);
    }
    size_t size = fread(buffer, 1, sizeof(buffer), file);
    fclose(file);
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        abort();
    memcpy(copy, buffer, size);
    inputs[n_inputs++] = (struct input){copy, size};
}

static void add_path(const char *path)
{
    struct stat info;
    if (stat(path, &info)) {
        perror(path);
        exit(2);
    }
    DIR *dir = S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    if (!dir) {
        add_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char child[4096];
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && !stat(child, &info) && S_ISREG(info.st_mode))
            add_file(child);
    }
    closedir(dir);
}

/* Runs an input in memory of exactly its size, so that sanitizers see what goes beyond. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* One random change of up to max bytes; returns the new size. */
static size_t change(uint8_t *bytes, size_t size, size_t max)
{
    static const uint8_t special[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '=', '\'', '"', '\\', ','};
    size_t at = size ? random_below(&dice, size) : 0;
    switch (random_below(&dice, size ? 6 : 1)) {
    case 0: /* append */
        if (size < max)
            bytes[size++] = (uint8_t)random_next(&dice);
        break;
    case 1: /* cut a little off */
        size -= random_below(&dice, size < 16 ? size : 16);
        break;
    case 2: /* flip a bit */
        bytes[at] ^= (uint8_t)(1u << random_below(&dice, 8));
        break;
    case 3:
        bytes[at] = special[random_below(&dice, sizeof(special))];
        break;
    case 4: /* remove a little */
    {
        size_t n = random_below(&dice, size - at < 16 ? size - at : 16) + 1;
        memmove(bytes + at, bytes + at + n, size - at - n);
        size -= n;
        break;
    }
    default: /* overwrite with a copy from elsewhere */
    {
        size_t from = random_below(&dice, size);
        size_t longest = size - (from > at ? from : at);
        longest = longest < 32 ? longest : 32;
        memmove(bytes + at, bytes + from, random_below(&dice, longest) + 1);
        break;
    }
    }
    return size;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    return change(data, size, max_size);
}

static size_t mutate(uint8_t *data, size_t size, size_t max_size)
{
    if (LLVMFuzzerCustomMutator)
        return LLVMFuzzerCustomMutator(data, size, max_size, (unsigned)random_next(&dice));
    return change(data, size, max_size);
}

int main(int argc, char **argv)
{
    static uint8_t bytes[MAX_SIZE];
    if (argc < 2)
        return 2;
    for (int i = 2; i < argc; i++)
        add_path(argv[i]);
    for (size_t i = 0; i < n_inputs; i++)
        run(inputs[i].bytes, inputs[i].size);
    dice.state = random_seed(argv[0]);
    size_t size = 0;
    for (unsigned long round = strtoul(argv[1], NULL, 0); round > 0; round--) {
        if (n_inputs && random_below(&dice, 30) == 0) {
            const struct input *input = &inputs[random_below(&dice, n_inputs)];
            size = input->size;
            memcpy(bytes, input->bytes, size);
        }
        size = mutate(bytes, size, sizeof(bytes));
        run(bytes, size);
    }
    return 0;
}
