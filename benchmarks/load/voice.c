/* The voice of the load generator: sends rows of ready-made datagrams, spread over 20 ms, and takes in what comes.
 * Full frames are handed to the caller (signalling is Python's); voice is counted here, by the stamp in its payload.
 * What leaves in one ms leaves as few messages that the kernel cuts (UDP_SEGMENT): the way through the loopback costs
 * this thread 4 us a datagram otherwise, which is a whole core at 1,700 calls.  What comes is taken one by one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SLOTS 256
#define SLOT 2048
#define BIN_NS 10000
#define BINS 100000
#define UDP_SEGMENT_ 103
/* datagrams of one message, and its bytes */
#define SEGMENTS 64
#define MESSAGE 65000

struct stamp { uint16_t magic, leg; uint32_t sequence; int64_t sent; } __attribute__((packed));

struct side {
    int32_t fd, rows, per_row, header, size, head, width, unstamped;
    struct sockaddr_in target;
    uint8_t *data;
    int32_t *counts;      /* calls in each row */
    int64_t *stamps;      /* rows * per_row: voice time, ms */
    int64_t sent, received, unsent;
    int64_t ppm, tick;    /* its clock is that much quicker than ours; ms of it done */
};

struct shared {
    int64_t began, ended;         /* window, CLOCK_REALTIME ns; 0 = not yet */
    int64_t tick, origin;         /* ms ticks done; monotonic ns of tick 0 */
    int64_t arrived;              /* frames sent in the window that came */
    int64_t late_sum, late_max;   /* of our own ticks, ns */
    uint32_t *bins;               /* latency, 10 us each */
    int64_t *last;                /* [2][32768]: when voice came for a call number, CLOCK_REALTIME ns, 0 = never */
    int64_t longest;              /* longest time between two frames of one leg in the window, ns */
    int32_t stampless, queued, queue_size, dropped;
    uint8_t *queue;               /* entries: side u16, length u16, SLOT bytes */
};

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Writes the stamps of one row; its bytes. */
static int row_stamped(struct side *s, int row, int64_t tick, int64_t sent, int counting, int64_t ms) {
    uint8_t *p = s->data + (int64_t)row * s->width, *e = p + s->head;
    if (s->head) {
        uint32_t t = htonl((uint32_t)ms);
        memcpy(p + 4, &t, 4);
    }
    for (int k = 0; k < s->counts[row]; k++, e += s->header + s->size) {
        int64_t *ts = s->stamps + (int64_t)row * s->per_row + k;
        *ts += 20;
        e[s->header - 2] = *ts >> 8;
        e[s->header - 1] = *ts;
        struct stamp st = {htons(0x5AA5), 0, htonl((uint32_t)(tick / 20)), (int64_t)__builtin_bswap64(sent)};
        if (!s->unstamped) memcpy(e + s->header, &st, sizeof st);
        if (counting) s->sent++;
    }
    return e - p;
}

/* Sends a message of `width` bytes a datagram, by single datagrams where the kernel does not cut. */
static void leave(struct side *s, uint8_t *data, int length, int width) {
    static int whole;
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec v = {data, length};
    struct msghdr m = {.msg_name = &s->target, .msg_namelen = sizeof s->target, .msg_iov = &v, .msg_iovlen = 1};
    if (!whole && length > width) {
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT_;
        c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t size = width;
        memcpy(CMSG_DATA(c), &size, sizeof size);
        if (sendmsg(s->fd, &m, 0) >= 0) return;
        whole = errno == EINVAL || errno == EIO || errno == ENOPROTOOPT || errno == EOPNOTSUPP;
        m.msg_control = 0;
        m.msg_controllen = 0;
    }
    for (int at = 0; at < length; at += width) {
        v = (struct iovec){data + at, length - at < width ? length - at : width};
        if (sendmsg(s->fd, &m, 0) < 0) s->unsent++;
    }
}

static void say(struct side *s, int first, int last, int64_t tick, int counting, int64_t ms) {
    int most = MESSAGE / s->width < SEGMENTS ? MESSAGE / s->width : SEGMENTS;
    while (first < last) {
        int n = last - first < most ? last - first : most, length = 0, rows = 0;
        int64_t sent = now_ns(CLOCK_REALTIME);
        /* a short row is the last of its message */
        while (rows < n && length == rows * s->width) length += row_stamped(s, first + rows++, tick, sent, counting, ms);
        leave(s, s->data + (int64_t)first * s->width, length, s->width);
        first += rows;
    }
}

static void count(struct shared *h, const uint8_t *payload, int length, int64_t arrived) {
    struct stamp st;
    if (length < (int)sizeof st) return;
    memcpy(&st, payload, sizeof st);
    int64_t sent = (int64_t)__builtin_bswap64((uint64_t)st.sent);
    if (st.magic != htons(0x5AA5) || !h->began || sent < h->began || (h->ended && sent >= h->ended)) return;
    int64_t bin = (arrived - sent) / BIN_NS;
    h->bins[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
    h->arrived++;
}

static void came(struct shared *h, int index, int number, int64_t arrived) {
    int64_t *last = h->last + index * 32768 + (number & 0x7fff);
    if (*last && h->began && !h->ended && arrived - *last > h->longest) h->longest = arrived - *last;
    *last = arrived;
}

static int take(struct shared *h, struct side *s, int index) {
    static uint8_t data[SLOTS][SLOT];
    static uint8_t control[SLOTS][64];
    static struct mmsghdr m[SLOTS];
    static struct iovec v[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        v[i] = (struct iovec){data[i], SLOT};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = 64};
    }
    int n = recvmmsg(s->fd, m, SLOTS, MSG_DONTWAIT, 0);
    for (int i = 0; i < n; i++) {
        uint8_t *p = data[i];
        int length = m[i].msg_len;
        struct timespec t = {0, 0};
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m[i].msg_hdr); c; c = CMSG_NXTHDR(&m[i].msg_hdr, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) memcpy(&t, CMSG_DATA(c), sizeof t);
        int64_t arrived = t.tv_sec * 1000000000LL + t.tv_nsec;
        int counting = h->began && !h->ended;
        if (p[0] & 0x80) {
            if (h->queued < h->queue_size) {
                uint8_t *q = h->queue + (int64_t)h->queued++ * (SLOT + 4);
                uint16_t head[2] = {(uint16_t)index, (uint16_t)length};
                memcpy(q, head, 4);
                memcpy(q + 4, p, length);
            } else h->dropped++;
        } else if (p[0] || p[1]) {
            s->received += counting;
            came(h, index, p[0] << 8 | p[1], arrived);
            count(h, p + 4, length - 4, arrived);
        } else if (length > 8 && p[2] == 1) {
            int header = p[3] & 1 ? 6 : 4;
            for (int at = 8; at + header <= length;) {
                int size = p[3] & 1 ? p[at] << 8 | p[at + 1] : p[at + 2] << 8 | p[at + 3];
                if (at + header + size > length) break;
                int number = p[3] & 1 ? p[at + 2] << 8 | p[at + 3] : p[at] << 8 | p[at + 1];
                s->received += counting;
                came(h, index, number, arrived);
                count(h, p + at + header, size, arrived);
                at += header + size;
            }
        }
    }
    return n;
}

static void take_all(struct shared *h, struct side *sides) {
    for (int k = 0; k < 2; k++)
        for (int turns = 0; turns < 8 && take(h, &sides[k], k) == SLOTS; turns++);
}

/* Run until the monotonic time `until` (ns) or until full frames wait; spread `talking` sides' rows over 20 ms. */
void run(struct shared *h, struct side *sides, int talking, int64_t until) {
    for (;;) {
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (now >= until || h->queued) return;
        int64_t due = (now - h->origin) / 1000000;
        if (talking) {
            if (due - h->tick > 400) h->tick = due;
            for (; h->tick < due; h->tick++) {
                int64_t late = now - h->origin - h->tick * 1000000;
                h->late_sum += late;
                if (late > h->late_max) h->late_max = late;
                for (int k = 0; k < 2; k++) {
                    struct side *s = &sides[k];
                    int64_t rows = s->rows, end = h->tick + 1 + (h->tick + 1) * s->ppm / 1000000;
                    if (end - s->tick > 400) s->tick = end - 1;
                    for (; s->tick < end; s->tick++) {
                        int64_t phase = s->tick % 20;
                        say(s, rows * phase / 20, rows * (phase + 1) / 20, s->tick, h->began && !h->ended, s->tick);
                    }
                }
                /* many ticks at once after a stall: what comes meanwhile is taken, too */
                if (due - h->tick > 1) take_all(h, sides);
            }
        }
        take_all(h, sides);
        int64_t next = h->origin + (h->tick + 1) * 1000000;
        if (talking && next > now_ns(CLOCK_MONOTONIC)) {
            struct timespec t = {next / 1000000000, next % 1000000000};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0);
        } else if (!talking) {
            struct pollfd p[2] = {{sides[0].fd, POLLIN, 0}, {sides[1].fd, POLLIN, 0}};
            poll(p, 2, 1);
        }
    }
}
