// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "steps.h"

/* A file system as simple as can be, to compare with: arrays, and no thought of speed. */
#define MODEL_NODES   2048
#define MODEL_ENTRIES 24
#define MODEL_NAME    8
#define MODEL_ROOT    1

struct model_entry {
    int node; /* 0: free */
    char name[MODEL_NAME];
};

struct model_node {
    unsigned kind; /* enum fs_kind; 0: free */
    unsigned mode, links, opens;
    int parent;
    char *data; /* a link's target ends with NUL */
    size_t size;
    struct model_entry entries[MODEL_ENTRIES];
};

struct model_side {
    struct side side;
    struct model_node nodes[MODEL_NODES];
    int start;
    struct {
        int node;
        unsigned flags;
    } slots[STEP_SLOTS];
};

/* model_init - an empty tree but for the directories of the path @start, "/x/y/..." */
void model_init(struct model_side *self, const char *start);

/* model_clear - free what files contain. */
void model_clear(struct model_side *self);
