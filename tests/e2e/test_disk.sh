#!/bin/bash
# A full disk and a damaged store: said once, clearly, and the node goes on.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B C
lab_line A B C
mkdir "$LAB/state-B"
full=no
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=400k tmpfs "$LAB/state-B" 2>/dev/null; then
    full=yes
fi
unmount() {
    umount -l "$LAB/state-B" 2>/dev/null
    lab_end
}
trap unmount EXIT
for node in A B C; do node_up $node || exit 1; done
wait_until 20 links_up B 2
persona A alice
persona C carol
wait_until 20 knows C alice
texts=$(jq -nc '[range(1; 301) | "message \(.) " + ("x" * 900)]')
printf '[quota]\n' >/dev/null
send_all A '#general' "$texts"
wait_until 60 heard_count C alice general 300
ok "300 kB go through" [ "$(heard C alice general)" = "$texts" ]
if [ $full = yes ]; then
    ok "B says that its disk is full" says 'disk|full|memory' at B status
    ok "and says it once in the log" [ "$(grep -ciE 'disk is full|no space|full' "$LAB/B.log")" = 1 ]
    ok "B lives" links_up B 2
else
    skip "a full disk: needs root for a small file system"
fi

node_down A
RANDOM=99
for ((i = 1; i <= 20; i++)); do
    store=$(find "$LAB/state-A" -name '*.db' | head -n 1)
    size=$(stat -c %s "$store")
    if ((i % 4 == 0)); then
        truncate -s $((RANDOM * 32768 % size)) "$store"
    else
        for ((flip = 0; flip < 40; flip++)); do
            printf "\\x$(printf %02x $((RANDOM % 256)))" |
                dd of="$store" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc 2>/dev/null
        done
    fi
    node_up A || { echo "not ok A starts on damage $i"; break; }
    node_down A
done
ok "A started on all 20 kinds of damage" [ $i = 21 ]
ok "and said what it did" grep -qiE 'damaged|repaired|set aside|recovered' "$LAB/A.log"
finish
