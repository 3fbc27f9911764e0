#!/bin/bash
# The real image of a board, flashed with a node, in the machine that QEMU has for it, or for one like it: it
# comes to the daemon, its plug is pulled, it comes there again, and no key is left on its boot partition.
#
#   tests/boards/boot.sh BOARD IMAGE
#
# Emulation is slow, and in places not the board: what is told the kernel for its sake stands in `machine_of`.
board=$1
image=$2
. "$(dirname "$0")/lib.sh"
lab_begin

# The board's time goes by what it has done: on a busy computer its drivers would else give their hardware up.
BY_INSTRUCTIONS="tcg,thread=single,tb-size=128 -icount shift=auto"

# machine_of BOARD: how it is emulated (MACHINE, CARD_DRIVE), and what its kernel is told beside.
machine_of() {
    case $1 in
    qemu-virt) have_machine arm64 ;;
    qemu-virt-riscv64) have_machine riscv64 ;;
    rpi)
        # QEMU has no firmware of Raspberry Pi: it puts kernel, device tree and command line where that would. Its
        # watchdog bites at once.
        have_program qemu-system-aarch64 || return
        from_card vmlinuz initrd.img bcm2837-rpi-3-b.dtb cmdline.txt
        MACHINE="qemu-system-aarch64 -M raspi3b -smp 4 -m 1024 -kernel $LAB/vmlinuz -initrd $LAB/initrd.img"
        MACHINE+=" -dtb $LAB/bcm2837-rpi-3-b.dtb -serial null"
        MACHINE_LINE="$(cat "$LAB/cmdline.txt") systemd.watchdog_sec=0"
        MACHINE_PACE=$BY_INSTRUCTIONS
        CARD_DRIVE=sd
        ;;
    orangepi-zero)
        # QEMU's machine with an Allwinner chip (orangepi-pc) starts this card from its first bytes on, but its clock
        # outruns its drivers, and it does not come to the daemon. So: kernel and root in the machine for any armhf.
        have_program qemu-system-arm || return
        from_card vmlinuz initrd.img extlinux/extlinux.conf
        MACHINE="qemu-system-arm -M virt -cpu cortex-a7 -smp 2 -m 512 -kernel $LAB/vmlinuz -initrd $LAB/initrd.img"
        MACHINE+=" -device virtio-blk-device,drive=card"
        MACHINE_LINE="$(sed -n 's/^ *append //p' "$LAB/extlinux.conf") console=ttyAMA0 systemd.default_device_timeout_sec=2h"
        CARD_DRIVE=none,id=card
        ;;
    *) skip "$1: QEMU has no machine for it" && return 1 ;;
    esac
}
from_card() {
    local file
    for file in "$@"; do
        mcopy -o -n -i "$LAB/board.card@@$CARD_BOOT" "::$file" "$LAB/"
    done
}

"$BUILD/starling" network create square --folder "$LAB/network" >"$LAB/network.log"
"$BUILD/starling" node add board >>"$LAB/network.log"
ok "starling flash writes the card" cards "$image" board
machine_of "$board" || exit 0
power_on board
ok "$board comes to the daemon" board_says board 'starling: working'
echo "figure: seconds from power to working, $board emulated: $(since_power board)"
pull_plug board
power_on board
ok "and again, after its plug was pulled" board_says board 'starling: working'
pull_plug board
no_key_on_card board
boards_end
