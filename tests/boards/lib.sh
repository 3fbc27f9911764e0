# Emulated boards for the lab of real daemons (tests/e2e/lib.sh); sourced first by every scenario.
#
# A board is one of QEMU's machines (machines.sh) with a card that `starling flash` has written. Its serial console
# goes to $LAB/BOARD.console; nobody can log in there. A board may hang by a cable on a node of the lab, a real daemon
# on this machine, where people sit.
# BOOT_SECONDS bounds the wait for anything emulated: a busy machine takes its time.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/machines.sh"
BOOT_SECONDS=${BOOT_SECONDS:-400}
declare -A BOARD_KIND=() BOARD_PID=() BOARD_NODE=() BOARD_POWER=() BOARD_DEVICES=()
declare -A BOARD_PERSON=() # who sits at it, if anybody; see tests/boards/inside/person
CARD_BOOT=$((4 << 20)) CARD_BOOT_MIB=96 # its boot partition

# kind_of IMAGE: which board it is for.
kind_of() {
    basename "$1" .img.zst | sed 's/^starling-//'
}

# cards IMAGE BOARD…: makes the card of each, with the bundle of the node of that name.
cards() {
    local image=$1 board files=()
    shift
    for board in "$@"; do
        files+=("$LAB/$board.card")
        BOARD_KIND[$board]=$(kind_of "$image")
    done
    "$BUILD/starling" flash "$image" "${files[@]}" --to-file --node "$(IFS=, && echo "$*")" >"$LAB/flash.log" || return 1
    truncate -s 512M "${files[@]}" # cards are larger than the image
}

# board_cable BOARD NODE MAC: a cable from it to that node of the lab.
board_cable() {
    ip -n "$2" tuntap add "$1" mode tap
    ip -n "$2" link set "$1" up
    take_machine "${BOARD_KIND[$1]}" "$1"
    BOARD_DEVICES[$1]+=" -netdev tap,id=cable,ifname=$1,script=no,downscript=no -device $CABLE_DEVICE,netdev=cable,mac=$3"
    BOARD_NODE[$1]=$2
}

# boards_cable A B: a cable between two boards.
boards_cable() {
    local pair
    for pair in "$1 $2 01" "$2 $1 02"; do
        set -- $pair
        take_machine "${BOARD_KIND[$1]}" "$1"
        BOARD_DEVICES[$1]+=" -netdev dgram,id=between,local.type=unix,local.path=$LAB/$1.cable"
        BOARD_DEVICES[$1]+=",remote.type=unix,remote.path=$LAB/$2.cable"
        BOARD_DEVICES[$1]+=" -device $CABLE_DEVICE,netdev=between,mac=52:54:00:00:01:$3"
    done
}

# boards_air A B AIR: a virtual Wi-Fi radio for each; they hear each other. AIR is the program of tests/boards/air.c.
# The kernel of the image has such radios; what carries their frames comes in through a second initramfs upon
# the first, and lies in memory: root and state are as they are on any board.
boards_air() {
    local air=$3 pair
    for pair in "$1 server=on,wait=off 01" "$2 reconnect=1 02"; do
        set -- $pair
        take_machine "${BOARD_KIND[$1]}" "$1"
        BOARD_DEVICES[$1]+=" -chardev socket,id=air,path=$LAB/air,$2 $AIR_DEVICE"
        add_to_board "$1" "$air" "02:00:00:00:00:$3"
    done
}

# add_to_board BOARD AIR ADDRESS: tests/boards/inside is copied to where systemd looks for units in memory.
add_to_board() {
    local new=$LAB/$1.new initrd=$LAB/$1.initrd person=${BOARD_PERSON[$1]-} units
    units=$new/add/systemd/system
    mkdir -p "$new/add/test" "$units/multi-user.target.wants"
    cp "$2" tests/boards/inside/{figures,person} "$new/add/test/"
    printf '%s\n' "ADDRESS=$3" "PORT=$AIR_PORT" "PERSON=$person" "BOARD=${BOARD_KIND[$1]}" >"$new/add/test/board"
    cp tests/boards/inside/*.service "$units/"
    ln -s ../air.service ../figures.service ${person:+../person.service} "$units/multi-user.target.wants/"
    sed 's|^exec switch_root|cp -a /add/. /root/run/; &|' boards/common/init >"$new/init"
    chmod 755 "$new/init"
    mcopy -n -i "$LAB/$1.card@@$CARD_BOOT" ::initrd.img "$initrd"
    truncate -s %4 "$initrd" # the kernel looks for the next one there
    (cd "$new" && find . | cpio --quiet -o -H newc -R 0:0) >>"$initrd"
    mcopy -o -i "$LAB/$1.card@@$CARD_BOOT" "$initrd" ::initrd.img
}

# power_on BOARD [OPTION…]
power_on() {
    local board=$1
    shift
    : >"$LAB/$board.console"
    local where=""
    [ -z "${BOARD_NODE[$board]-}" ] || where="ip netns exec ${BOARD_NODE[$board]}"
    take_machine "${BOARD_KIND[$board]}" "$board"
    [ -z "$MACHINE_LINE" ] || set -- -append "$MACHINE_LINE" "$@"
    # shellcheck disable=SC2086
    $where $MACHINE -accel $MACHINE_PACE -display none -no-reboot -monitor none -nodefaults ${BOARD_DEVICES[$board]-} \
        -serial "file:$LAB/$board.console" -drive "file=$LAB/$board.card,format=raw,if=$CARD_DRIVE" "$@" </dev/null >>"$LAB/$board.qemu.log" 2>&1 &
    BOARD_PID[$board]=$!
    BOARD_POWER[$board]=$SECONDS
}

# pull_plug BOARD
pull_plug() {
    { kill -KILL "${BOARD_PID[$1]}" && wait "${BOARD_PID[$1]}"; } 2>/dev/null
    cp "$LAB/$1.console" "$LAB/$1.console.before"
}

# board_says BOARD PATTERN: waits until it stands on its console.
board_says() {
    wait_until "$BOOT_SECONDS" board_said_or_died "$1" "$2" && board_said "$1" "$2"
}
board_said() {
    grep -aqE "$2" "$LAB/$1.console"
}
board_said_or_died() {
    board_said "$1" "$2" || ! kill -0 "${BOARD_PID[$1]}" 2>/dev/null
}

# since_power BOARD: seconds.
since_power() {
    echo $((SECONDS - BOARD_POWER[$1]))
}

# card_keeps BOARD TEXT: whether that text stands anywhere in the boot partition of its card.
card_keeps() {
    dd if="$LAB/$1.card" bs=1M skip=$((CARD_BOOT >> 20)) count=$CARD_BOOT_MIB status=none | grep -aqF "$2"
}

# no_key_on_card BOARD: what flashing put on the boot partition, the board has taken away.
no_key_on_card() {
    local key
    key=$(sed -n 2p "$LAB/network/nodes/$1/node.key")
    ok "the bundle is gone from the boot partition of $1" test -z "$(mdir -b -i "$LAB/$1.card@@$CARD_BOOT" ::starling 2>/dev/null)"
    ok "and its key, byte for byte" none card_keeps "$1" "$key"
}

boards_end() {
    local board
    if [ $FAILURES -gt 0 ]; then
        for board in "${!BOARD_PID[@]}"; do
            echo "--- console of $board"
            tail -n 25 "$LAB/$board.console" "$LAB/$board.qemu.log"
        done
    fi
    finish
}
