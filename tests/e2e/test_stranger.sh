#!/bin/bash
# Somebody without keys: DTLS from openssl, floods of noise, and recordings of members played back. They
# get nothing, cost no memory, and members go on as before.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B
lab_place stranger
lab_line stranger A B
attack=$LAB/attack
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -o "$attack" \
    "$(dirname "$0")/attack.c" || give_up "the attacker is built"

# record NODE FILE FILTER…: what passes its only interface, from now on. Sets $recorder.
record() {
    local node=$1 file=$2
    shift 2
    ip netns exec "$node" tcpdump -Z root --immediate-mode -i to-A -U -w "$file" "$@" 2>"$file.log" &
    recorder=$!
    wait_until 10 grep -qs 'listening on' "$file.log"
}
stop_recording() {
    sleep 0.3 # what is on its way into the file
    kill "$recorder"
    wait "$recorder" 2>/dev/null
}
can_record=no
if [ "$LAB_NETNS" = yes ] && command -v tcpdump >/dev/null; then
    can_record=yes
fi
if [ "$LAB_NETNS" = yes ]; then
    # Not that of the link: openssl understands none with an interface in it.
    ip -n A addr add fd00::1/64 dev to-stranger nodad
    ip -n stranger addr add fd00::2/64 dev to-A nodad
    address=fd00::1
    port=17017
    target=[$address]:$port
else
    address=127.0.0.1
    port=${NODE_PORT[A]}
    target=$address:$port
fi
if [ $can_record = yes ]; then
    record B "$LAB/members.pcap" udp
    members_recorder=$recorder
    record stranger "$LAB/got.pcap" udp and not ip6 multicast and not src host fd00::2
    got_recorder=$recorder
fi

node_up A && node_up B || exit 1
ok "members get a link" wait_until 30 links_up A 1
persona A alice
persona B bob
wait_until 30 knows A bob || give_up "alice hears of bob"
at A send bob --wait delivered --timeout 30 'recorded' >/dev/null
at B send '#general' 'recorded too' >/dev/null
wait_until 30 heard_count A bob general 1
if [ $can_record = yes ]; then
    recorder=$members_recorder
    stop_recording
fi
linked_at=$SECONDS
# Whatever is tried below, that very link stays.
link_is_the_same() {
    at A neighbours --json | is_true --argjson seconds $((SECONDS - linked_at - 1)) \
        '[.neighbours[] | select(.state == "up")] | length == 1 and .[0].up_for >= $seconds'
}
received_by_stranger() {
    tcpdump -r "$1" -q 2>/dev/null | awk '{n += $NF} END {print n + 0}'
}
before=$(rss A)
garbage=$(counter A rejected_garbage)

# ---- openssl ----
greet_as_openssl() {
    inside stranger timeout 3 openssl s_client -dtls1_2 -mtu 1200 -connect "$target" </dev/null
}
ok "openssl s_client waits for an answer in vain" with_status 124 greet_as_openssl
ok "A counted what it sent as garbage" [ "$(counter A rejected_garbage)" -gt "$garbage" ]

# ---- Noise ----
at B send '#general' 'in the flood' >/dev/null &
sent=$(inside stranger "$attack" noise "$address" "$port" 50000)
ok "a flood of noise was sent ($sent bytes)" [ "$sent" -gt 10000000 ]
ok "a member's message comes through it" wait_until 30 heard_count A bob general 2
ok "and A answers to people" node_answers A
rejected=$(($(counter A rejected_garbage) - garbage))
echo "$rejected datagrams counted as garbage"
ok "noise is counted" [ $rejected -gt 1000 ]
noise_memory=$(rss A)
echo "memory of A: $before kB before, $noise_memory kB after noise"
ok "it cost less than 200 kB" [ $((noise_memory - before)) -lt 200 ]
ok "A's link is the same" link_is_the_same
if [ $can_record = yes ]; then
    recorder=$got_recorder
    stop_recording
    ok "not one byte went to the stranger" [ "$(received_by_stranger "$LAB/got.pcap")" = 0 ]
    ok "and none was overlooked" grep -q '^0 packets dropped' "$LAB/got.pcap.log"
else
    skip "counting what the stranger gets: tcpdump or root is missing"
fi

# ---- Recordings ----
if [ $can_record = yes ]; then
    recorded=$(received_by_stranger "$LAB/members.pcap")
    ok "something was recorded ($recorded bytes)" [ "$recorded" -gt 5000 ]
    record stranger "$LAB/got-again.pcap" udp and not ip6 multicast and not src host fd00::2
    resent=$(inside stranger "$attack" resend "$LAB/members.pcap" "$address" "$port")
    ok "all of it was sent again by the stranger" [ "$resent" -ge "$recorded" ]
    inside A bash -c 'printf control >/dev/udp/fd00::2/17017' # so that the recorder is known to work
    stop_recording
    got=$(received_by_stranger "$LAB/got-again.pcap")
    echo "the stranger sent $resent bytes and got $got"
    ok "no more came back than was sent" [ "$got" -lt "$resent" ]
    ok "the recorder would have seen it" [ "$got" -ge 7 ]
    ok "A has no new neighbour" [ "$(at A neighbours --json | jq '.neighbours | length')" = 1 ]

    replays=$(counter A rejected_replayed)
    for ((i = 0; i < 20; i++)); do
        inside B "$attack" replay "$LAB/members.pcap" to-A >/dev/null
    done
    more=$(($(counter A rejected_replayed) - replays))
    echo "$more frames counted as replayed"
    ok "recordings under the member's own address are counted" [ $more -ge 20 ]
    ok "A's link is the same" link_is_the_same
    at B send '#general' 'after it all' >/dev/null
    ok "and works" wait_until 30 heard_count A bob general 3
    expected='["recorded too","in the flood","after it all"]'
    ok "nothing came twice" [ "$(heard A bob general)" = "$expected" ]
    after=$(rss A)
    echo "memory of A: $after kB after recordings"
    ok "they cost less than 300 kB" [ $((after - before)) -lt 300 ]

    # Of another life: what was recorded before both were switched off and on again.
    node_down A
    node_down B
    node_up A && node_up B || exit 1
    inside B "$attack" replay "$LAB/members.pcap" to-A >/dev/null
    ok "recordings of an earlier life do not keep members apart" wait_until 30 links_up A 1
    unlock A alice
    ok "nor do they say anything again" [ "$(heard A bob general)" = "$expected" ]
else
    skip "playing recordings back: tcpdump or root is missing"
fi
finish
