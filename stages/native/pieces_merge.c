/* Short units to tokens: see pieces_merge.h. */
#include "pieces_merge.h"

#define LANES 8  /* units that take turns: about as many steps as a processor has under way */
#define SMALL 16 /* slots of most units, the one before the first among them */
#define LARGE 32
#define SLOT_BITS 5
#define NO_PAIR (PAIRS_NONE << SLOT_BITS)
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* A pair whose rank is on its way from memory. */
struct asked {
    uint64_t key;
    const struct pair *place;
    size_t slot;
};

struct lane {
    uint32_t waiting[LARGE];  /* rank and slot of the pair that begins here; the largest number where none does */
    uint32_t products[LARGE]; /* what they become */
    uint32_t ids[LARGE + 4];  /* room for a last character that is too much */
    uint64_t there;
    struct asked asked[2];
    struct merge_task *task;
};

/* Asks for the rank of the pair of these slots. */
static ALWAYS_INLINE void ask(const struct model *model, struct lane *lane, unsigned which, size_t slot, size_t next)
{
    struct asked *asked = lane->asked + which;
    asked->key = pairs_key(lane->ids[slot], lane->ids[next]);
    asked->place = pairs_at(&model->pairs, asked->key);
    asked->slot = slot;
    __builtin_prefetch(asked->place);
}

static ALWAYS_INLINE uint32_t answer(struct lane *lane, unsigned which)
{
    const struct asked *asked = lane->asked + which;
    const uint32_t waits = pair_rank(asked->place, asked->key) << SLOT_BITS | (uint32_t)asked->slot;
    lane->products[asked->slot] = asked->place->product;
    return lane->waiting[asked->slot] = waits;
}

/* The tokens of a unit's characters into their slots; where the last of them ends, beyond `slots` if it has too many. */
static ALWAYS_INLINE size_t characters(const struct model *model, struct lane *lane, const struct merge_task *task,
                                       size_t slots)
{
    const uint8_t *at = task->text, *const end = at + task->size;
    size_t count = 1;
    while (at < end && count < slots) {
        const uint32_t single = model->singles[code_point(at)];
        size_t bytes = character_bytes(*at);
        if (single) {
            lane->ids[count++] = single - 1;
            at += bytes;
        } else {
            for (; bytes; bytes--)
                lane->ids[count++] = model->bytes[*at++];
        }
    }
    return at < end ? slots + 1 : count;
}

/* Takes a unit; false if it needs more slots. */
static ALWAYS_INLINE bool start(const struct model *model, struct lane *lane, struct merge_task *task, size_t slots)
{
    if (task->ascii && task->size >= slots)
        return false;
    for (size_t slot = 0; slot < slots; slot++)
        lane->waiting[slot] = UINT32_MAX;
    size_t count = task->size + (size_t)1;
    if (task->ascii) {
        for (size_t slot = 1; slot < count; slot++)
            lane->ids[slot] = model->ascii[task->text[slot - 1]];
        for (size_t slot = 1; slot + 1 < count; slot++) {
            const struct ascii_pair *pair = model->ascii_pairs + (task->text[slot - 1] << 7 | task->text[slot]);
            lane->waiting[slot] = pair->rank << SLOT_BITS | (uint32_t)slot;
            lane->products[slot] = pair->product;
        }
    } else {
        count = characters(model, lane, task, slots);
        if (count > slots)
            return false;
        for (size_t slot = 1; slot + 1 < count; slot++) {
            const uint64_t key = pairs_key(lane->ids[slot], lane->ids[slot + 1]);
            const struct pair *pair = pairs_at(&model->pairs, key);
            lane->waiting[slot] = pair_rank(pair, key) << SLOT_BITS | (uint32_t)slot;
            lane->products[slot] = pair->product;
        }
    }
    lane->ids[0] = lane->ids[count] = PAIRS_NOBODY;
    lane->there = (UINT64_C(2) << count) - 1;
    lane->task = task;
    ask(model, lane, 0, 0, 1); /* of no pair */
    ask(model, lane, 1, 0, 1);
    return true;
}

/* One merge; false if there is none. */
static ALWAYS_INLINE bool step(const struct model *model, struct lane *lane, size_t slots)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < slots; i++)
        least = lane->waiting[i] < least ? lane->waiting[i] : least;
    /* These two were not in `waiting` when it was read: what is just written is slow to read in a larger piece. */
    const uint32_t one = answer(lane, 0), other = answer(lane, 1);
    least = one < least ? one : least;
    least = other < least ? other : least;
    if (least >= NO_PAIR)
        return false;
    const size_t slot = least % LARGE;
    const uint64_t before = lane->there & ((UINT64_C(1) << slot) - 1), behind = lane->there & ~UINT64_C(1) << slot;
    const size_t left = 63 - (size_t)__builtin_clzll(before), right = (size_t)__builtin_ctzll(behind);
    const size_t next = (size_t)__builtin_ctzll(behind & (behind - 1));
    lane->ids[slot] = lane->products[slot];
    lane->there ^= UINT64_C(1) << right;
    lane->waiting[left] = lane->waiting[slot] = lane->waiting[right] = UINT32_MAX;
    ask(model, lane, 0, slot, next);
    ask(model, lane, 1, left, slot);
    return true;
}

static void finish(const struct lane *lane)
{
    uint32_t count = 0;
    uint64_t there = lane->there & (lane->there - 1); /* without the slot before the first */
    for (; there & (there - 1); there &= there - 1)
        lane->task->tokens[count++] = lane->ids[__builtin_ctzll(there)];
    lane->task->count = count;
}

static ALWAYS_INLINE void take_turns(const struct model *model, struct merge_task *tasks, size_t count, size_t slots)
{
    struct lane lanes[LANES], *busy[LANES];
    size_t next = 0, lane = 0, running = 0;
    for (; running < LANES && next < count; next++)
        if (!tasks[next].count && start(model, lanes + running, tasks + next, slots)) {
            busy[running] = lanes + running;
            running++;
        }
    while (running) {
        if (step(model, busy[lane], slots)) {
            lane = lane + 1 < running ? lane + 1 : 0;
            continue;
        }
        finish(busy[lane]);
        while (next < count && (tasks[next].count || !start(model, busy[lane], tasks + next, slots)))
            next++;
        if (next++ < count)
            continue;
        busy[lane] = busy[--running];
        lane = lane < running ? lane : 0;
    }
}

static ALWAYS_INLINE void merge_any(const struct model *model, struct merge_task *tasks, size_t count)
{
    take_turns(model, tasks, count, SMALL);
    take_turns(model, tasks, count, LARGE);
}

#if defined(__x86_64__) && !defined(PLAIN_C)
__attribute__((target("avx2,bmi,bmi2"))) static void merge_vectors(const struct model *model, struct merge_task *tasks,
                                                                  size_t count)
{
    merge_any(model, tasks, count);
}
#endif

void merge_units(const struct model *model, struct merge_task *tasks, size_t count)
{
#if defined(__x86_64__) && !defined(PLAIN_C)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
        merge_vectors(model, tasks, count);
        return;
    }
#endif
    merge_any(model, tasks, count);
}
