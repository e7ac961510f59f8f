#!/bin/bash
# Counts the words of a text file.
tr -cs 'A-Za-z' '\n' < "$1" | sort | uniq -c
