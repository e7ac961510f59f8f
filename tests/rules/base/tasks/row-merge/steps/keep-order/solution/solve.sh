#!/bin/bash
cp /solution/rank.py /app/src/rank.py
