# Allwinner: the boot ROM reads U-Boot's SPL at 8 KiB of the card (https://linux-sunxi.org/BROM).
family_boot() {
    cp "$root/usr/lib/u-boot/$u_boot/u-boot-sunxi-with-spl.bin" "$loader/8192"
    copy_device_trees "$out/dtbs"
    write_extlinux "fdtdir /dtbs"
}
