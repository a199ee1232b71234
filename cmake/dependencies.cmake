# Libraries Spur is built on; Debian package names are in packages.txt.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# oneDNN 2.x or 3.x. To build with another one than the system's, give its prefix:
# -DCMAKE_PREFIX_PATH=PREFIX.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(OneDNN 2.6 REQUIRED)

pkg_check_modules(SPUR_DEPS REQUIRED IMPORTED_TARGET
    libjpeg libpng zlib libwebp libwebpdemux jansson sqlite3 libcrypto
    libutf8proc)

# Optional: figures as PNG and PDF. Without it, and with -DSPUR_RSVG=OFF, all else is the same.
# Sanitizers do without: its libraries keep what they allocate until the end.
option(SPUR_RSVG "Write PNG and PDF figures when librsvg is installed" ON)
if(SPUR_RSVG AND NOT SPUR_SANITIZE)
    pkg_check_modules(SPUR_RSVG_DEPS QUIET IMPORTED_TARGET librsvg-2.0>=2.52 cairo cairo-pdf cairo-png)
endif()
