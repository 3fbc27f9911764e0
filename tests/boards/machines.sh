# The machines that QEMU has for boards, or for ones like them; sourced by tests/boards/lib.sh.
#
# A machine is: MACHINE, its command; MACHINE_PACE, how its time goes by; MACHINE_LINE, what its kernel is told, where
# no boot loader of the card tells it; CARD_DRIVE, how the card hangs on it; and what an end of a cable and the port of
# a virtual radio are there. Emulation is slow, and in places not the board: what is done for its sake is said here.

# A board's time goes by what it has done, 8 ns an instruction, as on a processor of its kind: on a busy computer its
# drivers would else give their hardware up, and its watchdog the daemon.
BY_INSTRUCTIONS="tcg,thread=single,tb-size=128 -icount shift=3"
U_BOOT=/usr/lib/u-boot

# have_machine KIND: whether QEMU's machine for that board can be had here; says why, if not.
have_machine() {
    case $1 in
    qemu-virt) have_files qemu-system-aarch64 $U_BOOT/qemu_arm64/u-boot.bin ;;
    qemu-virt-riscv64) have_files qemu-system-riscv64 $U_BOOT/qemu-riscv64_smode/uboot.elf ;;
    rpi) have_files qemu-system-aarch64 /usr/bin/fdtput ;;
    orangepi-zero) have_files qemu-system-arm ;;
    *)
        [ -f "$(dirname "${BASH_SOURCE[0]}")/../../boards/$1/board.conf" ] || {
            echo "not ok '$1' is a board that there is"
            exit 1
        }
        skip "$1: QEMU has no machine for it"
        return 1
        ;;
    esac
}
have_files() {
    command -v "$1" >/dev/null && [ -e "${2:-/}" ] && return
    skip "emulated boards: $1 or ${2:-its firmware} is not installed; run .ci/packages boards boards_long"
    return 1
}

# take_machine KIND BOARD: that machine, for the card of BOARD as it is now.
take_machine() {
    MACHINE_PACE="tcg,thread=multi,tb-size=128" MACHINE_LINE="" CARD_DRIVE=virtio
    CABLE_DEVICE="virtio-net-pci,romfile=" AIR_PORT=/dev/virtio-ports/air
    AIR_DEVICE="-device virtio-serial-pci -device virtserialport,chardev=air,name=air"
    local from=$LAB/$2.firmware
    case $1 in
    qemu-virt) MACHINE="qemu-system-aarch64 -M virt -cpu cortex-a53 -smp 2 -m 256 -bios $U_BOOT/qemu_arm64/u-boot.bin" ;;
    qemu-virt-riscv64) MACHINE="qemu-system-riscv64 -M virt -smp 2 -m 256 -kernel $U_BOOT/qemu-riscv64_smode/uboot.elf" ;;
    rpi)
        # QEMU has no firmware of Raspberry Pi: it puts kernel, device tree and command line where that would. Its
        # watchdog bites at once. The first serial port belongs to the board's Bluetooth, which QEMU does not have.
        from_card "$2" vmlinuz initrd.img bcm2837-rpi-3-b.dtb cmdline.txt
        fdtput -t s "$from/bcm2837-rpi-3-b.dtb" /soc/serial@7e201000/bluetooth status disabled
        MACHINE="qemu-system-aarch64 -M raspi3b -smp 4 -m 1024 -kernel $from/vmlinuz -initrd $from/initrd.img"
        MACHINE+=" -dtb $from/bcm2837-rpi-3-b.dtb"
        MACHINE_LINE="$(cat "$from/cmdline.txt") systemd.watchdog_sec=0"
        MACHINE_PACE=$BY_INSTRUCTIONS
        CARD_DRIVE=sd
        CABLE_DEVICE=usb-net AIR_PORT=/dev/ttyAMA0 AIR_DEVICE="-serial chardev:air"
        [[ ${BOARD_DEVICES[$2]-} == *chardev:air* ]] || MACHINE+=" -serial null"
        ;;
    orangepi-zero)
        # From the first bytes of the card on, as its boot ROM does, in the machine with the chip of an Orange Pi PC.
        # More than one processor, and a watchdog, do not go with that machine.
        from_card "$2" extlinux/extlinux.conf
        grep -q maxcpus "$from/extlinux.conf" || {
            sed -i 's/ append .*/& maxcpus=1 systemd.watchdog_sec=0/' "$from/extlinux.conf"
            mcopy -o -i "$LAB/$2.card@@$CARD_BOOT" "$from/extlinux.conf" ::extlinux/extlinux.conf
        }
        MACHINE="qemu-system-arm -M orangepi-pc -smp 4 -m 1024"
        MACHINE_PACE=$BY_INSTRUCTIONS
        CARD_DRIVE=sd
        ;;
    esac
}

# from_card BOARD FILE…: out of its boot partition, for a machine whose own boot loader QEMU does not have.
from_card() {
    local board=$1 file
    shift
    mkdir -p "$LAB/$board.firmware"
    for file in "$@"; do
        mcopy -o -n -i "$LAB/$board.card@@$CARD_BOOT" "::$file" "$LAB/$board.firmware/"
    done
}
