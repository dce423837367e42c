#!/bin/sh
# Fetch axe-core, which looks for barriers on a page, from its npm package into build/axe/ (git leaves it out).
# tests/browser uses build/axe/axe.min.js, and skips what needs it, with the reason, where it is not.
set -eu
cd "$(dirname "$0")/.."
version=4.14.1
if [ "$(cat build/axe/version 2>/dev/null)" = "$version" ]; then exit 0; fi
if ! command -v npm >/dev/null; then
    echo "npm is not here, and axe-core comes by it. Type:  sudo apt install npm" >&2
    exit 1
fi
mkdir -p build/axe
(cd build/axe && npm pack --silent "axe-core@$version" >/dev/null && tar -xzf "axe-core-$version.tgz" package/axe.min.js)
mv build/axe/package/axe.min.js build/axe/axe.min.js
rm -r build/axe/package "build/axe/axe-core-$version.tgz"
echo "$version" >build/axe/version
