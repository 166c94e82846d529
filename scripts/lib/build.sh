# build.sh - builds the checkout out of tree, quietly, and again only as far as something changed.
# shellcheck shell=bash

# build SOURCE BUILD: both absolute. Two at once on one build directory wait for each other; make inherits
# the lock, so that a make whose quickstart was killed is waited for too.
build() {
	[[ -d $2 ]] || mkdir -p "$2" || die "The build directory $2 cannot be made."
	exec 8<"$2"
	flock 8
	(
		# vitalsd refuses a module that others may write.
		umask 022
		unset MAKEFLAGS MAKELEVEL MFLAGS
		cd "$1" || exit 1
		[[ -x configure && -f build-aux/ltmain.sh ]] || quietly "autoreconf failed; what it said stands above." autoreconf -fi
		cd "$2" || exit 1
		[[ -f config.status ]] || quietly "configure failed; what it said stands above." "$1/configure"
		quietly "The build failed; the end of what make said stands above." make -j "$(nproc)"
	) || exit 1
	exec 8<&-
}

# Prints the demo module's path in the build directory $1; fails where there is none.
find_demo_module() {
	local candidate
	for candidate in "$1"/examples/demo/.libs/demo.so "$1"/examples/.libs/demo.so "$1"/.libs/demo.so; do
		if [[ -f $candidate ]]; then
			printf '%s\n' "$candidate"
			return 0
		fi
	done
	return 1
}
