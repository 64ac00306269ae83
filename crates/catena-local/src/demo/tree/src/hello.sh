#!/bin/sh
echo "Hello, chain of trust."
