/* The ideal relay: one datagram at a time, no signalling, no locks, no objects; what a switch can't beat per packet.
 * usage: relay BIND CALLERS SINKS (addresses; port 4569): what comes from CALLERS goes to SINKS and back. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct { uint16_t number; struct sockaddr_in to; } table[2][32768];

int main(int argc, char **argv) {
    struct sockaddr_in at[3];
    if (argc != 4) return 2;
    for (int i = 0; i < 3; i++) {
        memset(&at[i], 0, sizeof at[i]);
        at[i].sin_family = AF_INET;
        at[i].sin_port = htons(4569);
        if (inet_pton(AF_INET, argv[i + 1], &at[i].sin_addr) != 1) return 2;
    }
    for (int call = 0; call < 32768; call++)
        for (int way = 0; way < 2; way++) {
            table[way][call].number = call;
            table[way][call].to = at[2 - way];
        }
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 16 << 20;
    if (setsockopt(fd, SOL_SOCKET, 33, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&at[0], sizeof at[0])) { perror("bind"); return 1; }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        poll(&p, 1, -1);
        for (;;) {
            uint8_t data[2048];
            struct sockaddr_in from;
            socklen_t length = sizeof from;
            ssize_t n = recvfrom(fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
            if (n < 4) break;
            int way = from.sin_addr.s_addr == at[2].sin_addr.s_addr, call = (data[0] << 8 | data[1]) & 0x7fff;
            data[0] = table[way][call].number >> 8;
            data[1] = table[way][call].number;
            sendto(fd, data, n, 0, (struct sockaddr *)&table[way][call].to, sizeof(struct sockaddr_in));
        }
    }
}
