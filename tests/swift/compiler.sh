#!/bin/sh
# Runs a command where Debian 13's Swift compiler is, since Debian 12 has none:
#     compiler.sh [--bind FOLDER]... COMMAND [ARGUMENT]...
# That is a folder with a small Debian of its own. Inside it this repository, and each FOLDER, has the
# same name as outside, and the command starts where the caller stands. Without a command the folder is
# only made, which happens once: some minutes, 3 GB, from the archive that this machine's apt uses.
# It is kept in $FITBIT_SWIFT, or /var/cache/fitbit-swift. This needs root, debootstrap and unshare.
#
# What is mounted for the command is seen by the command alone, and gone when it ends, however it ends.
set -eu

root=${FITBIT_SWIFT:-/var/cache/fitbit-swift}
repository=$(cd "$(dirname "$0")/../.." && pwd)
script=$repository/tests/swift/compiler.sh

if [ "${1-}" = --mounted-in ]; then # called by alone, in a mount namespace of its own
    root=$2
    shift 2
    for folder in /proc /dev "$repository"; do
        set -- --bind "$folder" "$@"
    done
    while [ "$1" = --bind ]; do
        mkdir -p "$root$2"
        mount --rbind "$2" "$root$2"
        shift 2
    done
    exec chroot "$root" env --chdir="$PWD" HOME=/root LC_ALL=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
fi

alone() { exec unshare --mount --propagation private "$script" --mounted-in "$@"; }

# The archives of this machine's apt that have a Debian 13. Where there is none, debootstrap has a default.
archives() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | sort -u |
        while read -r uri; do
            release=$(mktemp)
            ! /usr/lib/apt/apt-helper download-file "${uri}dists/trixie/InRelease" "$release" \
                >/dev/null 2>&1 || echo "$uri"
            rm -f "$release"
        done
}

make() {
    new=$root.new
    archive=$(archives | head -n 1)
    rm -rf --one-file-system "$new" # of a run that was killed
    mkdir -p "$new"
    debootstrap --variant=minbase trixie "$new" ${archive:+"$archive"}
    cd "$repository"
    (
        export DEBIAN_FRONTEND=noninteractive
        alone "$new" apt-get install -y -qq --no-install-recommends swiftlang \
            libc6-dev libstdc++-14-dev
    )
    (alone "$new" apt-get clean)
    mv -T "$new" "$root" # so what has this name is whole
}

mkdir -p "$(dirname "$root")"
(
    flock 9 # of two at once, the second waits, and finds it made
    [ -e "$root" ] || make >&2
) 9>"$root.lock"
[ $# -eq 0 ] || alone "$root" "$@"
