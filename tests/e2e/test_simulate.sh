#!/bin/bash
# starling simulate: the same answer twice, what it says of a gap, and wrong options.
. "$(dirname "$0")/lib.sh"
lab_begin
simulate() {
    "$BUILD/starling" simulate --minutes 0.5 "$@"
}
same_twice() {
    simulate "$@" --svg "$LAB/1.svg" --trace "$LAB/1.trace" >"$LAB/1.txt" || return 1
    simulate "$@" --svg "$LAB/2.svg" --trace "$LAB/2.trace" >"$LAB/2.txt" || return 1
    cmp "$LAB/1.txt" "$LAB/2.txt" && cmp "$LAB/1.svg" "$LAB/2.svg" && cmp "$LAB/1.trace" "$LAB/2.trace"
}
ok "the same seed gives the same report, picture and trace" same_twice --boards 12 --seed 7
ok "the trace has every event" [ "$(wc -l <"$LAB/1.trace")" -gt 1000 ]
ok "in comparison and in JSON, too" same_twice --boards 10 --compare --json --comes-and-goes
simulate --boards 12 --seed 8 --trace "$LAB/3.trace" >/dev/null
simulate --boards 12 --seed 7 --trace "$LAB/1.trace" >/dev/null
ok "another seed is another crowd" none cmp -s "$LAB/1.trace" "$LAB/3.trace"
ok "a dense field is enough" says '^Enough' simulate --boards 30 --minutes 1
ok "a thin one is not, and it says how many are missing" \
    says '^Not enough: about [0-9]+ more boards would join' simulate --boards 12 --area 600x600
ok "and where" says 'm: [0-9]+ more boards? near \([0-9]+ m, [0-9]+ m\)' \
    simulate --boards 12 --area 600x600
ok "the comparison has all three" says '^phone .*[0-9]' simulate --boards 10 --compare
ok "the JSON is whole" says true jq -e '.runs | length == 3 and .[0].mode == "starling"' \
    <<<"$(simulate --boards 10 --compare --json)"
ok "the picture is XML with every board in it" [ "$(grep -c 'title>board' "$LAB/1.svg")" = 10 ]
ok "a field of Bluetooth boards is one mesh" says 'none: all boards are in one mesh' \
    simulate --boards 20 --radio bluetooth
ok "boards with both join the two" says '^Enough' simulate --boards 30 --bluetooth 30 --both 30
ok "the same twice over Bluetooth" same_twice --boards 20 --radio bluetooth
ok "--until ends it early" says 'Nobody wrote' simulate --boards 10 --until 30

ok "no number" says 'whole number from 2 to' simulate --boards many
ok "too few" says 'whole number from 2 to' simulate --boards 1
ok "no such field, with the nearest" says 'Did you mean standing' simulate --field standin
ok "an area that is none" says 'WIDTHxHEIGHT in metres' simulate --area 200
ok "an area for a field that has its own" says 'for the field .standing' simulate --area 9x9 --field ring
ok "no such radio" says 'wifi, bluetooth or both' simulate --radio lora
ok "a radio for all and for some" says 'one or the other' simulate --radio wifi --both 3
ok "more than all boards" says 'more than 100 of 100' simulate --bluetooth 70 --both 40
ok "no Bluetooth in the other meshes" says 'no Bluetooth here' simulate --radio both --compare
ok "a seed that is none" says '--seed takes a whole number' simulate --seed -3
ok "a misspelt option" says 'Did you mean --boards' simulate --baords 3
ok "wrong use has status 2" with_status 2 simulate --minutes never
ok "a picture that cannot be written costs no run" says 'cannot be written' simulate --svg "$LAB/no/where.svg"
ok "and has status 1" with_status 1 simulate --svg "$LAB/no/where.svg"
finish
