#!/bin/bash
# Rows 3, 19, 22 and 23 of the attack list on the real binaries: planted secrets are searched for in the
# logs at the highest level, on the disk after the plug was pulled, and on the wire.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/search.sh"
LAB_EXTRA_CONFIG='[log]\nlevel = debug\n'
lab_begin
lab_network planted1 planted2
lab_line planted1 planted2
can_record=no
if [ "$LAB_NETNS" = yes ] && command -v tcpdump >/dev/null; then
    can_record=yes
    ip netns exec planted1 tcpdump -Z root --immediate-mode -i to-planted2 -U -w "$LAB/wire" \
        2>"$LAB/tcpdump.err" &
    recorder=$!
    wait_until 10 grep -qs 'listening on' "$LAB/tcpdump.err"
fi
a=planted1
b=planted2
node_up $a && node_up $b || exit 1
wait_until 30 links_up $a 1
plant $a $b
sleep 1.2 # relayed messages are on the disk within a second
node_kill $a
node_kill $b
if [ $can_record = yes ]; then
    kill "$recorder"
    wait "$recorder" 2>/dev/null
fi

search_works

ok "row 23: no text, name or key in the logs" absent holds_secrets "$LAB/$a.log" "$LAB/$b.log"
ok "row 23: nor who the neighbours are" absent has "$origin|$address" "$LAB/$a.log" "$LAB/$b.log"
ok "there is a store to search" [ "$(cat "$LAB/state-$a"/* | wc -c)" -gt 20000 ]
ok "row 22: none on the disks" absent holds_secrets "$LAB/state-$a"/* "$LAB/state-$b"/*
ok "row 22: no key of the node either" absent has_bytes "$node_seed" "$LAB/state-$a"/*
ok "row 22: and no address of a neighbour" absent has "$address" "$LAB/state-$a"/*

if [ $can_record = yes ]; then
    ok "something was recorded" [ "$(stat -c %s "$LAB/wire")" -gt 5000 ]
    ok "rows 3, 19: no secret on the wire" absent holds_secrets "$LAB/wire"
    ok "nor which node it is" absent has "planted|$origin" "$LAB/wire"
    ok "in any form" absent has_bytes "$origin" "$LAB/wire"
    ok "nor which network" absent has 'square' "$LAB/wire"
else
    skip "rows 3, 19 on the wire: tcpdump or root is missing"
fi
finish
