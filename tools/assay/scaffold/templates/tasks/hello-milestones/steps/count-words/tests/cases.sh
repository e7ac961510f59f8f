tally dogs.txt
prints folds-case $'3 the\n2 dog\n1 end\n1 other\n1 saw\n'

tally ties.txt
prints orders-ties $'2 apple\n2 fig\n2 pear\n1 a\n1 at\n1 hat\n'

tally none.txt
prints no-words ''
