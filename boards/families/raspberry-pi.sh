# Raspberry Pi: the firmware on the boot partition starts the kernel itself
# (https://www.raspberrypi.com/documentation/computers/config_txt.html).
family_boot() {
    local file
    for file in bootcode.bin fixup.dat start.elf fixup4.dat start4.elf; do
        cp "$root/usr/lib/raspi-firmware/$file" "$out/"
    done
    # Its firmware looks for device trees beside the kernel, without folders.
    copy_device_trees "$work_trees"
    find "$work_trees" -name '*.dtb' -exec cp {} "$out/" \;
    rm -rf "$work_trees"
    cat >"$out/config.txt" <<TXT
arm_64bit=1
enable_uart=1
upstream_kernel=1
kernel=vmlinuz
initramfs initrd.img followkernel
gpu_mem=16
TXT
    echo "$boot_console $options" >"$out/cmdline.txt"
}
work_trees=$(mktemp -d)
