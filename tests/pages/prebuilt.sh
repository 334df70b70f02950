#!/bin/sh
# What the honest package `npm-prebuilt` downloads.
echo "tool 1.0.0"
