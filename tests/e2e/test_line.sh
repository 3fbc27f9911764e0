#!/bin/bash
# Two people who cannot reach each other chat through a board between them; 40 % of all datagrams are
# lost on each hop: by the kernel where it can (netem), else by the daemons themselves.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/across.sh"
lab_begin
if can_lose_in_kernel; then
    LINK_LOSS=40
else
    NODE_LOSS=0.4
    skip "loss in the kernel: $CANNOT_LOSE; the daemons lose as much themselves"
fi
lab_network A B C
lab_line A B C
for node in A B C; do node_up $node || exit 1; done
ok "links come up through 40 % loss" wait_until 180 links_up B 2
if [ "$LINK_LOSS" != 0 ]; then
    ok "the loss is there" says 'loss 40%' tc -n B -s qdisc show dev to-A
else
    ok "the loss is there" says 'loss of 400 in 1000' cat "$LAB/B.log"
fi
hundred_across A C
direct_across A C carol
finish
