# QEMU's virt machine: U-Boot comes with QEMU's -bios or -kernel, the device tree from QEMU.
family_boot() {
    write_extlinux
}
