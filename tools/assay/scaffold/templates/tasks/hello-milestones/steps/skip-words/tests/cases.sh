printf 'tHe\nend\n' >"$work/texts/list"
tally --skip list dogs.txt
prints skips-whatever-case $'2 dog\n1 other\n1 saw\n'

printf 'a\n' >"$work/texts/list"
tally --skip list ties.txt
prints whole-words-only $'2 apple\n2 fig\n2 pear\n1 at\n1 hat\n'

: >"$work/texts/list"
tally --skip list ties.txt
prints empty-list $'2 apple\n2 fig\n2 pear\n1 a\n1 at\n1 hat\n'

tally --skip no-such-list ties.txt
refuses missing-list no-such-list

tally --skip list no-such-text
refuses missing-text no-such-text

tally ties.txt
prints without-skip $'2 apple\n2 fig\n2 pear\n1 a\n1 at\n1 hat\n'
