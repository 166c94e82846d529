"""What make install puts where, what a module can be built with, and that all of it goes again."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from harness.installed import Installed, run, source_directory
from harness.vitalsd import CHECKOUT, build_directory, run_once

HEADER = (CHECKOUT / "src" / "vitals.h").read_text()
FUNCTIONS = sorted(set(re.findall(r"^VT_API\s[^;(]*?\b(vt_\w+)\(", HEADER, re.M)))
ABI = re.findall(r"^#define VT_ABI (\d+)$", HEADER, re.M)[0]
MODULE = """\
#include <vitals.h>
static enum vt_result hello(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	return vt_json_text(res, "{}", 2);
}
int vitals_setup(struct vt_app *app)
{
	return vt_route(app, &(struct vt_route){.method = "GET", .path = "/hello", .handler = hello});
}
"""
PROGRAM = """\
#include <vitals.h>
int main(int argc, char **argv) { return vt_main(argc, argv, 0); }
"""
FILES = {"sbin/vitalsd", "bin/vitalsctl", "include/vitals.h", "lib/libvitals.so", f"lib/libvitals.so.{ABI}", f"lib/libvitals.so.{ABI}.0.0",
         "lib/libvitals.la", "lib/pkgconfig/vitals.pc", "share/man/man8/vitalsd.8", "share/man/man1/vitalsctl.1", "share/man/man3/libvitals.3",
         "share/vitals/nginx-conf/vitals.conf", "share/vitals/nginx-conf/vitals-upstream.conf", "share/vitals/apache-conf/README.md",
         "share/vitals/apache-conf/vitals-fcgid.conf", "share/vitals/apache-conf/vitals-fcgid.env",
         "share/vitals/apache-conf/vitals-proxy-fcgi.conf", "share/doc/vitals/writing-a-module.md",
         "share/doc/vitals/modules-that-misbehave.md", "share/doc/vitals/examples/counter/counter.c"}
PAGES = ["vitalsd.8", "vitalsctl.1", "libvitals.3"]


@pytest.fixture(scope="module")
def installed(directory: Callable[[], Path]) -> Installed:
    work = directory()
    work.mkdir()
    return Installed(work, work / "prefix")


def rendered(installed: Installed, page: str) -> str:
    """The manual page as a reader sees it, without a line's end within a sentence."""
    path = installed.prefix / "share" / "man" / f"man{page[-1]}" / page
    done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-P-cbou", "-rLL=300n", str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == "", done.stderr
    return done.stdout


def test_what_is_installed(installed: Installed) -> None:
    assert installed.files() == FILES
    assert installed.pkg_config("--variable=moduledir") == [str(installed.prefix / "lib" / "vitals")]
    assert (installed.prefix / "lib" / "vitals").is_dir()
    assert (installed.prefix / "include" / "vitals.h").read_text() == HEADER


def test_exactly_the_public_functions_are_exported(installed: Installed) -> None:
    said = run(["nm", "-D", "--defined-only", "--format=posix", str(installed.prefix / "lib" / "libvitals.so")], installed.prefix)
    assert len(FUNCTIONS) > 50
    assert sorted(line.split()[0] for line in said.splitlines()) == FUNCTIONS


def test_the_soname_bears_the_number_of_the_interface(installed: Installed) -> None:
    said = run(["readelf", "-d", str(installed.prefix / "lib" / "libvitals.so")], installed.prefix)
    assert f"Library soname: [libvitals.so.{ABI}]" in said


def test_the_library_needs_no_symbol_that_nobody_gives(installed: Installed) -> None:
    run(["ldd", "-r", str(installed.prefix / "lib" / "libvitals.so")], installed.prefix)
    assert "undefined symbol" not in run(["ldd", "-r", str(installed.prefix / "lib" / "libvitals.so")], installed.prefix)


@pytest.mark.parametrize("flags", [["-std=c99", "-pedantic-errors"], ["-std=c11"], ["-std=gnu17"], ["-std=c2x"]], ids=str)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_module_by_pkg_config_alone(installed: Installed, directory: Callable[[], Path], compiler: str, flags: list[str]) -> None:
    place = directory()
    place.mkdir()
    (place / "hello.c").write_text(MODULE)
    run([compiler, *flags, "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror", "-shared", "-fPIC", "-o", "hello.so", "hello.c",
         *installed.pkg_config("--cflags", "--libs")], place)
    (place / "vitals.env").write_text(f"MODULES={place}/hello.so\n")
    said = run([str(installed.prefix / "sbin" / "vitalsd"), "--env-file", "vitals.env", "--check"], place)
    assert said == "The settings are right.\n"


def test_the_header_in_cplusplus_and_alone(installed: Installed, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    (place / "alone.cc").write_text("#include <vitals.h>\nint vitals_setup(struct vt_app *) { return 0; }\n")
    run(["g++" if Path("/usr/bin/g++").exists() else "clang", "-x", "c++", "-Wall", "-Wextra", "-Werror", "-c", "-fPIC", "alone.cc",
         *installed.pkg_config("--cflags")], place)


def test_a_program_of_ones_own(installed: Installed, directory: Callable[[], Path]) -> None:
    place = directory()
    place.mkdir()
    (place / "own.c").write_text(PROGRAM)
    run(["gcc", "-Wall", "-Wextra", "-Werror", "-o", "own", "own.c", *installed.pkg_config("--cflags", "--libs")], place)
    said = run(["./own", "--version"], place, LD_LIBRARY_PATH=str(installed.prefix / "lib"))
    assert said.startswith("vitalsd ")


def test_a_module_of_another_interface_is_refused(built: None, directory: Callable[[], Path]) -> None:
    """A header of another number, as an older or newer Vitals has it; and a module that has no entry at all."""
    place = directory()
    place.mkdir()
    other = str(int(ABI) + 1)
    (place / "vitals.h").write_text(HEADER.replace(f"#define VT_ABI {ABI}", f"#define VT_ABI {other}"))
    (place / "other.c").write_text(MODULE)
    (place / "none.c").write_text("int nothing;\n")
    for name in ("other", "none"):
        run(["gcc", "-shared", "-fPIC", "-I.", "-o", f"{name}.so", f"{name}.c"], place)
    (place / "vitals.env").write_text(f"MODULES={place}/other.so,{place}/none.so\n")
    done = run_once(place, "--env-file", "vitals.env", "--check")
    assert done.returncode == 2
    assert f"other.so was built for interface {other} of vitals.h, and this is {ABI}; build it again." in done.stderr
    assert "none.so has no function vitals_setup()" in done.stderr


# ---- The manual ----

@pytest.mark.parametrize("page", PAGES)
def test_a_page_renders_without_a_warning(installed: Installed, page: str) -> None:
    assert not re.search("@[A-Z]+@", rendered(installed, page))
    path = installed.prefix / "share" / "man" / f"man{page[-1]}" / page
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_manual_has_every_function_with_its_contract(installed: Installed) -> None:
    page = rendered(installed, "libvitals.3")
    for name in [*FUNCTIONS, "vitals_setup", *re.findall(r"^struct (\w+) \{|^enum (\w+) \{", HEADER, re.M)[0]]:
        assert re.search(rf"^ +[^ ].*\b{name}\b", page, re.M), name
    said = " ".join(page.split())
    for sentence in re.findall(r"^ \* ([A-Z][^*]{30,70}?[a-z]) ", HEADER[HEADER.index("/* ---- Outcomes"):], re.M):
        assert sentence in said, sentence
    assert "VT_API" not in page and "VT_SYMBOL" not in page and "*/" not in re.sub(r"/\*.*?\*/", "", page)


def test_the_manual_has_what_help_says(installed: Installed) -> None:
    for page, program in (("vitalsd.8", "sbin/vitalsd"), ("vitalsctl.1", "bin/vitalsctl")):
        said = run([str(installed.prefix / program), "--help"], installed.prefix)
        text = " ".join(rendered(installed, page).split())
        lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
        assert len(lines) > 10
        for line in lines:
            for part in re.split(r" {2,}", line):
                assert part in text, part


def test_everything_goes_again(directory: Callable[[], Path], installed: Installed) -> None:
    """Last: it takes the installation away."""
    own = installed.prefix / "lib" / "vitals" / "own.so"
    own.write_text("")
    installed.uninstall()
    assert installed.files() == {"lib/vitals/own.so"}, "a module is the user's"
    own.unlink()
    run(["make", "install"], installed.build)
    installed.uninstall()
    assert not installed.files()
    for name in ("lib/vitals", "share/vitals", "share/doc/vitals"):
        assert not (installed.prefix / name).exists()


def test_destdir(directory: Callable[[], Path]) -> None:
    """As packages are made: below DESTDIR stands what is made for the prefix."""
    place = directory()
    place.mkdir()
    run(["make", "install", f"DESTDIR={place}"], build_directory())
    prefix = [line.split(" = ")[1] for line in (build_directory() / "Makefile").read_text().splitlines() if line.startswith("prefix = ")][0]
    below = place / prefix.lstrip("/")
    assert {str(path.relative_to(below)) for path in below.rglob("*") if not path.is_dir()} == FILES
    assert str(place) not in (below / "lib" / "pkgconfig" / "vitals.pc").read_text()
    assert source_directory().is_dir()
