# An image of a board in miniature; sourced by tests after lib.sh.

little() { # NUMBER: four bytes, the lowest first, for printf
    printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# make_image FILE: boot partition (FAT) at 4 MiB, root at 12, state at 16 to 20.
make_image() {
    local fat=$LAB/fat
    truncate -s 20M "$1"
    truncate -s 8M "$fat"
    mformat -i "$fat" -h 64 -s 32 -T 16384 ::
    dd if="$fat" of="$1" bs=1M seek=4 conv=notrunc,sparse status=none
    head -c 3M /dev/urandom | dd of="$1" bs=1M seek=12 conv=notrunc status=none
    printf '\x07\xb0\xed\x5e' | dd of="$1" bs=1 seek=440 conv=notrunc status=none
    printf 'A board (toy)' | dd of="$1" bs=1 seek=256 conv=notrunc status=none
    local at=446 part
    for part in "4 8" "12 4" "16 4"; do
        set -- "$1" $part
        printf "\\0\\0\\0\\0\\x0c\\0\\0\\0$(little $(($2 * 2048)))$(little $(($3 * 2048)))" |
            dd of="$1" bs=1 seek=$at conv=notrunc status=none
        at=$((at + 16))
    done
    printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}
