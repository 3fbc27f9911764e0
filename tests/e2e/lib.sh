# A lab of real daemons on this machine, for the demo and the end-to-end tests; sourced by them.
#
# As root every node gets a network namespace of its own and every link a pair of interfaces, as
# boards have; otherwise, or with LAB_LOOPBACK=1, the nodes listen on loopback and know their
# neighbours by address. Nothing leaves the machine, and nothing is left behind.
# STARLING_BUILD is the folder with starlingd and starling.
set -u

# The whole script runs in namespaces of processes, mounts and network of its own, where it may. Even
# if it is killed, the kernel then ends every daemon and takes every mount and interface away.
LAB_NETNS=no
if [ "$(id -u)" = 0 ] && [ -z "${LAB_LOOPBACK-}" ]; then
    if [ -n "${LAB_INSIDE-}" ]; then
        LAB_NETNS=yes
        unset LAB_INSIDE
        mkdir -p /run/netns
        mount -t tmpfs tmpfs /run/netns
        ip link set lo up
    elif unshare --mount --pid --net --fork --mount-proc true 2>/dev/null; then
        LAB_INSIDE=yes exec unshare --mount --pid --net --fork --kill-child --mount-proc \
            bash "$0" "$@"
    fi
fi

BUILD=${STARLING_BUILD:-build/release}
BUILD=$(cd "$BUILD" && pwd) || exit 1
TEXTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../texts" && pwd)
declare -A NODE_PID=() NODE_PORT=() NODE_PEERS=() NODE_EXTRA=()
NODE_LOSS=${NODE_LOSS:-0} # a share, of what each daemon drops itself
LINK_LOSS=${LINK_LOSS:-0} # percent, of what the kernel drops on each link; see can_lose_in_kernel
LAB_EXTRA_CONFIG=${LAB_EXTRA_CONFIG:-}

lab_begin() {
    LAB=$(mktemp -d "${TMPDIR:-/tmp}/starling.XXXXXX")
    trap lab_end EXIT
    trap 'exit 130' INT TERM HUP
    # Nothing of the person who runs this comes in.
    unset STARLING_SOCKET STARLING_PASSPHRASE_FILE XDG_RUNTIME_DIR NOTIFY_SOCKET WATCHDOG_USEC
    export STARLING_NETWORK=$LAB/network
    export HOME=$LAB/home XDG_DATA_HOME=$LAB/home/data XDG_CONFIG_HOME=$LAB/home/config
    mkdir -p "$LAB/home"
}

lab_end() {
    exec 2>/dev/null # else the shell tells of jobs that were killed
    kill -KILL $(jobs -p) && wait
    if [ -n "${LAB_KEEP:-}" ]; then
        echo "kept: $LAB"
    else
        [ "$LAB_NETNS" = no ] || umount "$LAB"/state-*
        rm -rf "$LAB"
    fi
}

# lab_network NODE…: makes the network and the bundle of each node.
lab_network() {
    local node
    "$BUILD/starling" network create square --folder "$LAB/network" >"$LAB/network.log" || return 1
    for node in "$@"; do
        "$BUILD/starling" node add "$node" >>"$LAB/network.log" || return 1
        lab_place "$node"
    done
}

# lab_place NODE: a network namespace, or a port, for a node.
lab_place() {
    NODE_PORT[$1]=$(free_port)
    NODE_PEERS[$1]=""
    NODE_EXTRA[$1]=""
    if [ "$LAB_NETNS" = yes ]; then
        ip netns add "$1"
        ip -n "$1" link set lo up
        # Duplicate address detection would hold every interface back for two seconds.
        ip netns exec "$1" sh -c 'echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad
            echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
    fi
}

# A UDP port that nobody has, below those that the kernel gives out.
free_port() {
    local port
    while port=$((20000 + SRANDOM % 12000)); do
        case " ${NODE_PORT[*]} " in *" $port "*) continue ;; esac
        grep -qi "$(printf ':%04X ' $port)" /proc/net/udp /proc/net/udp6 2>/dev/null || break
    done
    echo $port
}

# lab_link A B: these two can reach each other.
lab_link() {
    if [ "$LAB_NETNS" = yes ]; then
        ip link add name "to-$2" netns "$1" type veth peer name "to-$1" netns "$2"
        ip -n "$1" link set "to-$2" up
        ip -n "$2" link set "to-$1" up
        if [ "$LINK_LOSS" != 0 ]; then
            tc -n "$1" qdisc add dev "to-$2" root netem loss "$LINK_LOSS%"
            tc -n "$2" qdisc add dev "to-$1" root netem loss "$LINK_LOSS%"
        fi
    else
        NODE_PEERS[$1]+=" 127.0.0.1:${NODE_PORT[$2]}"
        NODE_PEERS[$2]+=" 127.0.0.1:${NODE_PORT[$1]}"
    fi
}

# can_lose_in_kernel: whether links can lose (LINK_LOSS); if not, CANNOT_LOSE says why.
can_lose_in_kernel() {
    if [ "$LAB_NETNS" = no ]; then
        CANNOT_LOSE="the nodes are on loopback"
        return 1
    fi
    modprobe -q sch_netem 2>/dev/null
    ip link add name netem-probe type veth peer name netem-probe2
    CANNOT_LOSE=""
    tc qdisc add dev netem-probe root netem loss 1% 2>/dev/null || CANNOT_LOSE="this kernel has no netem"
    ip link del netem-probe
    [ -z "$CANNOT_LOSE" ]
}

# lab_line NODE…: each has a link to the next.
lab_line() {
    local node previous=""
    for node in "$@"; do
        [ -z "$previous" ] || lab_link "$previous" "$node"
        previous=$node
    done
}

# node_config NODE: writes its configuration file and prints the path.
node_config() {
    local file=$LAB/$1.conf radio
    {
        echo "[node]"
        echo "bundle = $LAB/network/nodes/$1"
        echo "state = $LAB/state-$1"
        echo "control = $LAB/$1.sock"
        echo "[udp]"
        if [ "$LAB_NETNS" = yes ]; then
            echo "interfaces = *"
        else
            echo "interfaces = none"
            echo "listen = 127.0.0.1:${NODE_PORT[$1]}"
            echo "peers =${NODE_PEERS[$1]}"
        fi
        if [ "$NODE_LOSS" != 0 ]; then
            echo "[test]"
            echo "loss = $NODE_LOSS"
            echo "seed = $(printf '%d' "'${1: -1}")"
        fi
        # The radios of the machine this runs on are nobody's business, unless a scenario is about them:
        # a developer who runs this as root would lose the connection.
        for radio in wifi bluetooth; do
            [[ $LAB_EXTRA_CONFIG${NODE_EXTRA[$1]} == *"[$radio]"* ]] ||
                printf '[%s]\nenabled = no\n' "$radio"
        done
        printf '%b' "$LAB_EXTRA_CONFIG" "${NODE_EXTRA[$1]}"
    } >"$file"
    echo "$file"
}

# inside NODE COMMAND…: runs a command where that node is.
inside() {
    local node=$1
    shift
    if [ "$LAB_NETNS" = yes ]; then
        ip netns exec "$node" "$@"
    else
        "$@"
    fi
}

# node_up NODE: starts its daemon and waits until it answers.
node_up() {
    local config
    mkdir -p "$LAB/state-$1"
    config=$(node_config "$1")
    # Both commands become the daemon, so that the process number is its own.
    if [ "$LAB_NETNS" = yes ]; then
        ip netns exec "$1" "$BUILD/starlingd" -c "$config" >>"$LAB/$1.log" 2>&1 &
    else
        setpriv --pdeathsig KILL "$BUILD/starlingd" -c "$config" >>"$LAB/$1.log" 2>&1 &
    fi
    NODE_PID[$1]=$!
    wait_until 30 node_answers_or_died "$1" && node_answers "$1" || {
        echo "node $1 did not start; the end of its log:" >&2
        tail -n 5 "$LAB/$1.log" >&2
        return 1
    }
}

node_answers_or_died() {
    node_answers "$1" || ! kill -0 "${NODE_PID[$1]}" 2>/dev/null
}

node_answers() {
    at "$1" status >/dev/null 2>&1
}

# node_down NODE: asks it to stop, as systemd would.
node_down() {
    kill -TERM "${NODE_PID[$1]}" && wait "${NODE_PID[$1]}"
    local status=$?
    unset "NODE_PID[$1]"
    return $status
}

# node_kill NODE: pulls its plug.
node_kill() {
    { kill -KILL "${NODE_PID[$1]}" && wait "${NODE_PID[$1]}"; } 2>/dev/null
    unset "NODE_PID[$1]"
}

# at NODE COMMAND…: the starling command, as a person at that node.
at() {
    local node=$1
    shift
    STARLING_SOCKET=$LAB/$node.sock "$BUILD/starling" "$@"
}

# links_up NODE COUNT: whether it has that many links.
links_up() {
    [ "$(at "$1" status --json 2>/dev/null | jq .neighbours)" -ge "$2" ] 2>/dev/null
}

# wait_until SECONDS COMMAND…: polls ten times a second. The bound is for failures; a busy machine may
# take its time.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# holds_on SECONDS COMMAND…: whether it is true now and stays so.
holds_on() {
    local end=$((SECONDS + $1))
    shift
    while "$@"; do
        [ $SECONDS -lt $end ] || return 0
        sleep 0.2
    done
    return 1
}

# persona NODE NICK: a persona that survives restarts.
persona() {
    [ -f "$LAB/passphrase" ] || (umask 077 && echo "correct horse battery" >"$LAB/passphrase")
    at "$1" persona create "$2" --keep --passphrase-file "$LAB/passphrase" >/dev/null
}

unlock() {
    at "$1" persona unlock "$2" --passphrase-file "$LAB/passphrase" >/dev/null
}

# is_true [OPTION…] EXPRESSION: of the JSON that comes. Of nothing nothing is true, where `jq -e` of
# version 1.6 is content.
is_true() {
    [ "$(jq "$@")" = true ]
}

# knows NODE NICK: whether the person can be written to from there.
knows() {
    at "$1" people --json | is_true --arg nick "$2" '.people | any(.nick == $nick and .writable)'
}

# heard NODE NICK [CHANNEL]: texts that came to that node from NICK, a JSON list in the order shown; in
# a channel, or without one the direct messages.
heard() {
    at "$1" inbox --all --peek --json | jq -c --arg nick "$2" --arg channel "${3-}" \
        '[.messages[] | select((.outgoing | not) and .from.nick == $nick and
          (.channel // "") == $channel) | .text]'
}

# heard_count NODE NICK CHANNEL COUNT: whether at least that many came.
heard_count() {
    [ "$(heard "$1" "$2" "$3" | jq length)" -ge "$4" ]
}

# texts_json FILE…: their lines as a JSON list; long.txt is one message.
texts_json() {
    local file
    for file in "$@"; do
        if [ "$(basename "$file")" = long.txt ]; then
            jq -Rs 'rtrimstr("\n")' "$file"
        else
            jq -R . "$file"
        fi
    done | jq -cs .
}

# send_all NODE TARGET LIST: sends every text of a JSON list, one command each.
send_all() {
    local count i
    count=$(jq length <<<"$3")
    for ((i = 0; i < count; i++)); do
        jq -j ".[$i]" <<<"$3" | at "$1" send "$2" - >/dev/null || return 1
    done
}

# rss NODE: resident memory in kB.
rss() {
    awk '/^VmRSS/ {print $2}' "/proc/${NODE_PID[$1]}/status"
}

# counter NODE NAME: one of the counters of its status.
counter() {
    at "$1" status --json | jq ".counters.$2"
}

# refused NODE WORD: how often that node refused somebody for that reason.
refused() {
    at "$1" neighbours --json | jq ".refused.\"$2\" // 0"
}

refused_some() {
    [ "$(refused "$1" "$2")" -ge 1 ]
}

# ---- Verdicts, for tests ----

FAILURES=0

# ok TEXT COMMAND…: one check, one line.
ok() {
    local text=$1
    shift
    if "$@"; then
        echo "ok $text"
    else
        echo "not ok $text"
        FAILURES=$((FAILURES + 1))
    fi
}

skip() {
    echo "skip $1"
}

# give_up TEXT: what follows would say nothing.
give_up() {
    echo "not ok $1"
    FAILURES=$((FAILURES + 1))
    finish
}

# Whether every daemon that was not stopped still runs, and no sanitizer found anything.
daemons_are_well() {
    local node well=0
    for node in "${!NODE_PID[@]}"; do
        kill -0 "${NODE_PID[$node]}" 2>/dev/null || {
            echo "the daemon of $node has died"
            well=1
        }
    done
    ! grep -sE 'Assertion|runtime error:|Sanitizer:' "$LAB"/*.log && return $well
}

# finish: the status of the whole test; on failure with the end of every node's log.
finish() {
    ok "the daemons are well" daemons_are_well
    if [ $FAILURES -gt 0 ]; then
        for log in "$LAB"/*.log; do
            echo "--- $(basename "$log")"
            tail -n 15 "$log"
        done
    fi
    exit $((FAILURES > 0))
}

# says PATTERN COMMAND…: whether its output (both streams) matches; shows it if not.
says() {
    local pattern=$1 output
    shift
    output=$("$@" 2>&1)
    grep -qE -- "$pattern" <<<"$output" || {
        printf 'expected /%s/ in the output of: %s\n%s\n' "$pattern" "$*" "$output"
        return 1
    }
}

# with_status STATUS COMMAND…: whether it ends with that status.
with_status() {
    local wanted=$1 status
    shift
    "$@" >/dev/null 2>&1
    status=$?
    [ $status = "$wanted" ] || {
        echo "status $status, not $wanted, of: $*"
        return 1
    }
}

fails() {
    ! "$@" >/dev/null 2>&1
}

none() {
    ! "$@"
}
