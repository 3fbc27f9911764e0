# Rockchip: the boot ROM reads the first stage at sector 64, and that U-Boot at sector 16384
# (https://opensource.rock-chips.com/wiki_Boot_option).
family_boot() {
    cp "$root/usr/lib/u-boot/$u_boot/idbloader.img" "$loader/$((64 * 512))"
    cp "$root/usr/lib/u-boot/$u_boot/u-boot.itb" "$loader/$((16384 * 512))"
    copy_device_trees "$out/dtbs"
    write_extlinux "fdtdir /dtbs"
}
