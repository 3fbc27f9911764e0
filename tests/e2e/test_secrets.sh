#!/bin/bash
# Rows 3, 19, 22 and 23 of the attack list on the real binaries: planted secrets are searched for in the
# logs at the highest level, on the disk after the plug was pulled, and on the wire.
. "$(dirname "$0")/lib.sh"
export LC_ALL=C # bytes are searched for
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
persona $a ana-nickname
persona $b ben-nickname
wait_until 30 knows $a ben-nickname && wait_until 30 knows $b ana-nickname ||
    give_up "they know each other"
at $a send '#general' "a secret to the channel" >/dev/null
at $a channels create conspiracy >"$LAB/link" 2>/dev/null
at $a send '#conspiracy' "a secret among friends" >/dev/null
at $a send ben-nickname --wait delivered --timeout 30 "a secret for one" >/dev/null
ok "the direct message was delivered" wait_until 30 heard_count $b ana-nickname "" 1
ok "the message to the channel too" wait_until 30 heard_count $b ana-nickname general 1
at $b inbox >/dev/null
at $b send ana-nickname "a secret in answer" >/dev/null
wait_until 30 heard_count $a ben-nickname "" 1
person() { # FIELD: of ben
    at $a people --json | jq -r ".people[] | select(.nick == \"ben-nickname\") | .$1"
}
key=$(person key)
code=$(person code)
channel_key=$(sed -n 's/.*#\([A-Za-z0-9_-]\{43\}\).*/\1/p' "$LAB/link")
origin=$("$BUILD/starling" node list --json | jq -r ".nodes[] | select(.name == \"$b\") | .origin")
node_seed=$(tr -d '\n' <"$LAB/network/nodes/$a/node.seed")
address=$(at $a neighbours --json | jq -r '.neighbours[0].address' | sed 's/^\[\(.*\)\]:.*/\1/')
sleep 1.2 # relayed messages are on the disk within a second
node_kill $a
node_kill $b
if [ $can_record = yes ]; then
    kill "$recorder"
    wait "$recorder" 2>/dev/null
fi

bytes_of() { # HEX: as a pattern
    sed 's/../\\x&/g' <<<"$1"
}
# has PATTERN FILE…: in capitals or not; for bytes, has_bytes.
has() {
    grep -aqiE -- "$@"
}
has_bytes() {
    grep -aqP -- "$(bytes_of "$1")" "${@:2}"
}
has_base64() { # of a private channel's key: as text, and as bytes
    has "$1" "${@:2}" ||
        has_bytes "$(tr '_-' '/+' <<<"$1=" | base64 -d | xxd -p -c 64)" "${@:2}"
}
# absent SEARCH…: it found nothing, and did not fail either.
absent() {
    "$@"
    [ $? = 1 ]
}
# What people are called, write, and hold.
holds_secrets() {
    has 'secret (to|among|for|in)|-nickname|conspiracy|correct horse' "$@" && echo "text" && return
    has "$key|$code" "$@" && echo "a key as text" && return
    has_bytes "$key" "$@" && echo "a key" && return
    has_base64 "$channel_key" "$@" && echo "a channel's key"
}
{
    echo "$key" | xxd -r -p
    echo "$channel_key"
} >"$LAB/control"
ok "the search finds a key among bytes" has_bytes "$key" "$LAB/control"
ok "and that of a channel" has_base64 "$channel_key" "$LAB/control"
ok "and text, and says so" [ "$(holds_secrets "$LAB/link")" = text ]
[ ${#key} = 64 ] && [ ${#channel_key} = 43 ] && [ ${#origin} = 16 ] && [ -n "$code" ] &&
    [ -n "$address" ] && [ ${#node_seed} = 64 ] || give_up "there is something to search for"

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
