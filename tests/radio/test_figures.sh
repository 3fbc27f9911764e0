#!/bin/bash
# The figures of the radios, each beside its goal; times are those of the virtual machine. A figure that
# falls short is no failure: it is said. One that could not be measured is.
#
#   tests/radio/test_figures.sh [wifi|bluetooth|idle]
#
# A radio that is emulated is as fast as its emulated processor. An envelope costs that the check of a
# signature and keeping it; a bare packet costs it nothing. So the share that envelopes reach where nothing
# limits the air is that of the processor, not of the radio. On the machine outside the very same receiver took
# 16,700 envelopes a second (19 MB) from a pair of veth; in here it is some hundreds, of 3 to 7 MB a second that
# bare UDP carries. Therefore it is said, too, how many signatures a processor in here checks a second when it
# does nothing else.
#
# All fall on a machine that has other work. Envelopes and bare packets over an LE channel take turns, three
# times, and the middle share is told.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
RATE=$BUILD/radio/rate
LIFTED='[quota]\norigin-rate = 0\nlink-rate = 0\nairtime-percent = 100\n'
COUNT=600 # envelopes of some 1,100 bytes

# figure NAME COMPARISON GOAL MEASURED UNIT: one line; the check is that there is a number.
figure() {
    local verdict
    ok "$1: measured" [ "$(jq -n "${4:-null} | type")" = '"number"' ] || return
    verdict=$(jq -rn "if ${4:-null} $2 $3 then \"reached\" else \"falls short\" end")
    printf 'figure: %-58s goal %s %-6s measured %-8s %s\n' "$1" "$2" "$3$5" "$4$5" "$verdict"
}
rounded() { # JQ-EXPRESSION: to two digits
    jq -n "($1) * 100 | round / 100" 2>/dev/null
}

# ---- Links ----

# power_up NODE…: all at once.
power_up() {
    local node
    for node in "$@"; do
        mkdir -p "$LAB/state-$node"
        ip netns exec "$node" "$BUILD/starlingd" -c "$(node_config "$node")" >>"$LAB/$node.log" 2>&1 &
        NODE_PID[$node]=$!
    done
}
# seconds_to_link COMMAND…: from that command until A has the link, which B has then, too.
seconds_to_link() {
    local waiting
    "$RATE" linked "$LAB/A.sock" >"$LAB/linked" &
    waiting=$!
    "$@"
    wait $waiting
    linked=$(jq '.seconds * 100 | round / 100' "$LAB/linked")
}
give_radios() { # the two that were taken away
    local i=0 node
    for node in A B; do
        iw phy "phy$i" set netns name "$node"
        i=$((i + 1))
    done
}
take_radios() {
    local i
    for i in 0 1; do
        ip netns exec "$([ $i = 0 ] && echo A || echo B)" iw phy "phy$i" set netns 1
    done
}
unlinked() {
    none links_up A 1 && none links_up B 1
}

# ---- Rates ----

bytes_per_second() { # FILE: of what `rate` printed
    jq '.bytes / .seconds' "$1" 2>/dev/null
}
# fill: A holds as many messages as will be fetched from it.
fill() {
    local text i
    text=$(printf 'x%.0s' {1..890})
    persona A alice
    for ((i = 0; i < COUNT; i++)); do
        echo "$i $text"
    done | at A chat >/dev/null 2>&1
    ok "A holds enough" [ "$(at A status --json | jq .store.count)" -ge "$COUNT" ]
}
busy() { # NODE: nanoseconds of processor time so far
    awk '{print $1}' "/proc/${NODE_PID[$1]}/schedstat"
}
# fetch: B begins without any message, and takes all that A holds. Sets fetched, bytes a second, and
# what share of a processor each took.
fetch() {
    local size waiting before
    size=$(at A status --json | jq '.store.bytes / .store.count')
    [ -z "${NODE_PID[B]-}" ] || node_down B
    rm -rf "$LAB/state-B"
    "$RATE" accepted "$LAB/B.sock" $COUNT >"$LAB/fetched" &
    waiting=$!
    before=$(busy A)
    power_up B
    ok "B fetches it all" wait $waiting
    cat "$LAB/fetched"
    busy_a=$(rounded "($(busy A) - $before) / 1e9")" s" busy_b=$(rounded "$(busy B) / 1e9")" s"
    fetched=$(jq "$size * .packets / .seconds" "$LAB/fetched")
}
stop() { # NODE…: for good
    local node
    for node in "$@"; do
        node_down "$node"
        rm -rf "$LAB/state-$node"
    done
}
link_local() { # NODE: of its radio
    ip -n "$1" -j addr show dev "${NODE_WLAN[$1]}" scope link |
        jq -r '.[0].addr_info[] | select(.family == "inet6") | .local'
}
# bare_udp: what the cell carries from A to B without a mesh. Sets bare, bytes a second.
bare_udp() {
    local receiving
    ip netns exec B "$RATE" receive udp 5000 >"$LAB/bare" &
    receiving=$!
    sleep 1
    ip netns exec A "$RATE" send udp "$(link_local B)%${NODE_WLAN[A]}" 5000 1150 5 >/dev/null
    wait $receiving
    cat "$LAB/bare"
    bare=$(bytes_per_second "$LAB/bare")
}
# wifi_rates WHICH: of both boards, as they are now.
wifi_rates() {
    bare_udp
    fetch
    compare "ad hoc Wi-Fi, $1" "UDP" 0.5
}
# say_both RADIO BARE: what was fetched, and what is possible.
say_both() {
    "$RATE" checks 1150 1 >"$LAB/checks"
    echo "$1: envelopes $(rounded "$fetched / 1000") kB/s, bare $2 $(rounded "$bare / 1000") kB/s;" \
        "of a processor, A took $busy_a, B $busy_b;" \
        "$(jq '.packets / .seconds | round' "$LAB/fetched") envelopes a second, where one processor checks" \
        "$(jq '.packets / .seconds | round' "$LAB/checks") signatures"
}
# compare RADIO BARE GOAL: the two.
compare() {
    say_both "$1" "$2"
    figure "envelopes over $1, of bare $2" '>=' "$3" "$(rounded "$fetched / $bare")" ""
}
middle() { # NUMBER…: of three
    printf '%s\n' "$@" | sort -n | sed -n 2p
}
# shape RATE: what the radios of A and B send.
shape() {
    local node
    for node in A B; do
        tc -n $node qdisc replace dev "${NODE_WLAN[$node]}" root tbf rate "$1" burst 5kb latency 200ms
    done
}

wifi_figures() {
    local node
    for node in A B; do # as on a board: the kernel looks for duplicates of its addresses
        ip netns exec $node sh -c 'for file in /proc/sys/net/ipv6/conf/*/accept_dad; do
            echo 1 >$file
        done'
    done
    seconds_to_link power_up A B
    echo "from the start of two daemons to their link on Wi-Fi: $linked s"
    take_radios
    wait_until 60 unlinked || give_up "no link without radios"
    seconds_to_link give_radios
    figure "linked on Wi-Fi, from the coming of two radios" '<=' 5 "$linked" " s"
    node_down A
    node_down B
    LAB_EXTRA_CONFIG=$LIFTED
    node_up A && node_up B || exit 1
    fill
    wait_until 60 links_up B 1
    wifi_rates "as fast as the machine goes"
    modprobe sch_tbf
    shape 6mbit # what a cell uses for frames to everyone
    wifi_rates "6 Mbit/s of air"
    stop A B
}

# ---- Bluetooth ----

bluetooth_figures() {
    local shares=()
    bluetooth_boards A B
    seconds_to_link power_up A B
    figure "linked on Bluetooth, from the start of two daemons" '<=' 10 "$linked" " s"
    fill
    for _ in 1 2 3; do
        node_down A
        node_down B
        bluetooth_bare A B 4
        bare=$(bytes_per_second "$LAB/bare")
        node_up A || exit 1
        fetch
        say_both "an LE channel" "L2CAP"
        shares+=("$(rounded "$fetched / $bare")")
    done
    figure "envelopes over an LE channel, of bare L2CAP" '>=' 0.7 "$(middle "${shares[@]}")" ""
    stop A B
}

# ---- Idle ----

# shares SECONDS NODE…: percent of one core that each takes, one a line.
shares() {
    local seconds=$1 node
    local -A before
    shift
    for node in "$@"; do before[$node]=$(busy "$node"); done
    sleep "$seconds"
    for node in "$@"; do
        rounded "($(busy "$node") - ${before[$node]}) / 1e7 / $seconds"
    done
}
idle_figures() {
    local both without
    both_board A 1
    NODE_EXTRA[D]='[udp]\nenabled = no\n[wifi]\nenabled = no\n[bluetooth]\nenabled = no\n'
    node_up A && node_up D || exit 1
    wait_until 60 eval '[ "$(at A radios --json | jq "[.radios[] | select(.state == \"joined\")] | length")" -ge 1 ]'
    sleep 10 # started, and looking for others
    { read -r both && read -r without; } < <(shares 60 A D)
    echo "idle: with both radios $both % of a core, without any $without %"
    figure "both radios scanning, beyond a daemon without any" '<' 1 "$(rounded "$both - $without")" " %"
}

LAB_EXTRA_CONFIG=
lab_begin
lab_network A B C D
wifi_begin 3
wifi_cell A B
[ "${1-wifi}" != wifi ] || wifi_figures
bluetooth_begin && bluetooth_air A B || give_up "there is Bluetooth"
[ "${1-bluetooth}" != bluetooth ] || bluetooth_figures
[ "${1-idle}" != idle ] || idle_figures
finish
