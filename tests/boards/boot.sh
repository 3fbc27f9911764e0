#!/bin/bash
# A real image, flashed by `starling flash` with a node of a network, started in QEMU's machine through the
# board's own boot loader; its plug is pulled in the middle, twice. Prints what it took.
#
#   tests/boards/boot.sh IMAGE BUILD        arm64 virt only
set -u
image=$1
build=$2
seconds_max=${BOOT_SECONDS:-300} # emulation on a busy machine
folder=$(mktemp -d "${TMPDIR:-/tmp}/starling-boot.XXXXXX")
trap 'kill -KILL $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
firmware=/usr/lib/u-boot/qemu_arm64/u-boot.bin
failed=0
ok() { # TEXT COMMAND…
    local text=$1
    shift
    if "$@" >/dev/null 2>&1; then
        echo "ok $text"
    else
        echo "not ok $text"
        failed=1
    fi
}

if ! command -v qemu-system-aarch64 >/dev/null || [ ! -e $firmware ]; then
    echo "skip the image in an emulated board: qemu-system-arm and u-boot-qemu are not installed"
    exit 0
fi

# start LOG: the board, until something stops it.
start() {
    qemu-system-aarch64 -M virt -cpu cortex-a53 -smp 2 -m 256 -accel tcg,thread=multi,tb-size=128 -display none \
        -nic none -no-reboot -serial stdio -bios $firmware -drive "file=$folder/card,format=raw,if=virtio" \
        </dev/null >"$1" 2>&1 &
    board=$!
}
# wait_for LOG PATTERN: seconds until the console says so, in `took`; false after seconds_max.
wait_for() {
    local began=$SECONDS
    while ! grep -aqE "$2" "$1"; do
        [ $((SECONDS - began)) -lt "$seconds_max" ] && kill -0 $board 2>/dev/null || return 1
        sleep 1
    done
    took=$((SECONDS - began))
}
pull_plug() {
    kill -KILL $board
    wait $board 2>/dev/null
}

export STARLING_NETWORK=$folder/network
"$build/starling" network create square --folder "$folder/network" >/dev/null
"$build/starling" node add north >/dev/null
ok "the image goes onto a card" "$build/starling" flash "$image" "$folder/card" --to-file --node north
truncate -s 512M "$folder/card" # a card is larger than its image

start "$folder/first"
ok "the boot loader starts the kernel" wait_for "$folder/first" 'Starting kernel'
sleep 8 # somewhere in the first start
pull_plug
ok "after the plug was pulled in its first start" true
start "$folder/second"
ok "it starts again, and works" wait_for "$folder/second" 'starling: working'
echo "figure: seconds from power to working, emulated, 256 MB: ${took:-none}"
pull_plug
start "$folder/third"
ok "and once more after it was pulled while it worked" wait_for "$folder/third" 'starling: working'
pull_plug
boot=$((4 << 20))
ok "its bundle is gone from the boot partition" test -z "$(mdir -b -i "$folder/card@@$boot" ::starling 2>/dev/null)"
key=$(sed -n 2p "$folder/network/nodes/north/node.key")
dd if="$folder/card" of="$folder/boot" bs=1M skip=4 count=96 status=none
ok "and so is its key, byte for byte" test -z "$(grep -aF "$key" "$folder/boot")"
[ $failed = 0 ] || tail -n 30 "$folder"/{first,second,third} 2>/dev/null
exit $failed
