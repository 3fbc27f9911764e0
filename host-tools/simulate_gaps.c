#include "simulate_gaps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Neighbours of all boards one after the other: those of i from start[i] to start[i + 1]. */
struct graph {
    const struct sl_crowd_picture *picture;
    size_t *start;
    int *neighbours;
    int *part; /* of each board; -1: off */
};

struct sl_extent sl_extent_of(const struct sl_crowd_picture *picture)
{
    double left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    for (size_t i = 0; i < picture->board_count; i++) {
        left = fmin(left, picture->boards[i].x);
        right = fmax(right, picture->boards[i].x);
        top = fmin(top, picture->boards[i].y);
        bottom = fmax(bottom, picture->boards[i].y);
    }
    return (struct sl_extent){left, top, right - left, bottom - top};
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

static void build(struct graph *graph, const struct sl_crowd_picture *picture)
{
    size_t count = picture->board_count;
    graph->picture = picture;
    graph->start = allocate(count + 1, sizeof(*graph->start));
    graph->neighbours = allocate(2 * picture->line_count, sizeof(int));
    graph->part = allocate(count, sizeof(int));
    size_t *next = allocate(count, sizeof(*next));
    for (size_t i = 0; i < picture->line_count; i++) {
        graph->start[picture->lines[i].a + 1]++;
        graph->start[picture->lines[i].b + 1]++;
    }
    for (size_t i = 0; i < count; i++) {
        graph->start[i + 1] += graph->start[i];
        next[i] = graph->start[i];
    }
    for (size_t i = 0; i < picture->line_count; i++) {
        const struct sl_crowd_line *line = &picture->lines[i];
        graph->neighbours[next[line->a]++] = line->b;
        graph->neighbours[next[line->b]++] = line->a;
    }
    free(next);
}

static size_t degree(const struct graph *graph, size_t board)
{
    return graph->start[board + 1] - graph->start[board];
}

/* Boards without which a part falls apart: a depth-first search that notes how far back the boards
 * below one reach (Tarjan, "Depth-first search and linear graph algorithms", 1972). With a stack of
 * its own, for a line of thousands is deep. */
struct visit {
    int *depth, *low, *parent, *stack;
    size_t *next; /* neighbour to look at */
    bool *critical;
    int root_children;
};

static void leave(struct visit *v, int board, int root)
{
    int parent = v->parent[board];
    if (parent < 0)
        return;
    if (v->low[board] < v->low[parent])
        v->low[parent] = v->low[board];
    if (parent == root)
        v->root_children++;
    else if (v->low[board] >= v->depth[parent])
        v->critical[parent] = true;
}

static size_t walk(struct graph *graph, struct visit *v, int root, int part)
{
    size_t top = 0, size = 0;
    v->root_children = 0;
    v->parent[root] = -1;
    v->depth[root] = v->low[root] = 1;
    v->stack[top++] = root;
    while (top > 0) {
        int board = v->stack[top - 1];
        if (graph->part[board] < 0)
            size++;
        graph->part[board] = part;
        if (v->next[board] == graph->start[board + 1]) {
            top--;
            leave(v, board, root);
            continue;
        }
        int other = graph->neighbours[v->next[board]++];
        if (v->depth[other] == 0) {
            v->parent[other] = board;
            v->depth[other] = v->low[other] = v->depth[board] + 1;
            v->stack[top++] = other;
        } else if (other != v->parent[board] && v->depth[other] < v->low[board]) {
            v->low[board] = v->depth[other];
        }
    }
    v->critical[root] = v->root_children > 1;
    return size;
}

/* Labels the parts and finds the critical boards. The label of the largest part. */
static int find_parts(struct graph *graph, struct sl_gaps *gaps)
{
    size_t count = graph->picture->board_count;
    struct visit v = {
        .depth = allocate(count, sizeof(int)),
        .low = allocate(count, sizeof(int)),
        .parent = allocate(count, sizeof(int)),
        .stack = allocate(count, sizeof(int)),
        .next = allocate(count, sizeof(size_t)),
        .critical = allocate(count, sizeof(bool)),
    };
    int largest = -1;
    for (size_t i = 0; i < count; i++) {
        graph->part[i] = -1;
        v.next[i] = graph->start[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (!graph->picture->boards[i].on || v.depth[i] > 0)
            continue;
        int part = (int)gaps->part_count++;
        size_t size = walk(graph, &v, (int)i, part);
        gaps->on += size;
        if (size > gaps->largest) {
            gaps->largest = size;
            largest = part;
        }
    }
    gaps->critical = allocate(count, sizeof(int));
    for (size_t i = 0; i < count; i++)
        if (v.critical[i])
            gaps->critical[gaps->critical_count++] = (int)i;
    free(v.depth);
    free(v.low);
    free(v.parent);
    free(v.stack);
    free(v.next);
    free(v.critical);
    return largest;
}

static double distance(const struct sl_crowd_picture *picture, size_t a, size_t b)
{
    return hypot(picture->boards[a].x - picture->boards[b].x,
                 picture->boards[a].y - picture->boards[b].y);
}

static int compare_lengths(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void measure_links(const struct graph *graph, struct sl_gaps *gaps)
{
    const struct sl_crowd_picture *picture = graph->picture;
    size_t count = picture->line_count;
    gaps->links_least = SIZE_MAX;
    for (size_t i = 0; i < picture->board_count; i++)
        if (picture->boards[i].on)
            gaps->links_least = sl_min_size(gaps->links_least, degree(graph, i));
    if (gaps->on == 0)
        gaps->links_least = 0;
    else
        gaps->links_mean = 2.0 * (double)count / (double)gaps->on;
    if (count == 0)
        return;
    double *lengths = allocate(count, sizeof(*lengths));
    for (size_t i = 0; i < count; i++)
        lengths[i] = distance(picture, (size_t)picture->lines[i].a, (size_t)picture->lines[i].b);
    qsort(lengths, count, sizeof(*lengths), compare_lengths);
    gaps->link_m = lengths[count / 2];
    free(lengths);
}

/* From that part to the nearest board of another one. */
static struct sl_gap bridge(const struct graph *graph, int part, double link_m)
{
    const struct sl_crowd_picture *picture = graph->picture;
    struct sl_gap gap = {.length_m = INFINITY};
    size_t from = 0, to = 0;
    for (size_t a = 0; a < picture->board_count; a++)
        for (size_t b = 0; graph->part[a] == part && b < picture->board_count; b++) {
            if (graph->part[b] < 0 || graph->part[b] == part ||
                distance(picture, a, b) >= gap.length_m)
                continue;
            gap.length_m = distance(picture, a, b);
            from = a;
            to = b;
        }
    const struct sl_crowd_board *a = &picture->boards[from], *b = &picture->boards[to];
    double step = link_m > 1 ? link_m : 1;
    gap.boards = (int)fmax(1, ceil(gap.length_m / step) - 1);
    double share = 1.0 / (gap.boards + 1);
    gap.x = a->x + (b->x - a->x) * share;
    gap.y = a->y + (b->y - a->y) * share;
    gap.to_x = b->x - (b->x - a->x) * share;
    gap.to_y = b->y - (b->y - a->y) * share;
    return gap;
}

void sl_gaps_find(const struct sl_crowd_picture *picture, struct sl_gaps *ret_gaps)
{
    struct graph graph;
    *ret_gaps = (struct sl_gaps){0};
    build(&graph, picture);
    int largest = find_parts(&graph, ret_gaps);
    measure_links(&graph, ret_gaps);
    for (int part = 0; part < (int)ret_gaps->part_count && ret_gaps->gap_count < SL_GAPS_MAX;
         part++)
        if (part != largest)
            ret_gaps->gaps[ret_gaps->gap_count++] = bridge(&graph, part, ret_gaps->link_m);
    free(graph.start);
    free(graph.neighbours);
    free(graph.part);
}

void sl_gaps_done(struct sl_gaps *gaps)
{
    free(gaps->critical);
    gaps->critical = NULL;
}
