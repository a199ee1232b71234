# Warnings for our own code, on every target.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings)
if(SPUR_WERROR)
    add_compile_options(-Werror)
endif()
