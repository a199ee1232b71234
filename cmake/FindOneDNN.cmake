# oneDNN's C library: OneDNN::dnnl and OneDNN_VERSION_MAJOR.
#
# The library's own CMake package is not used: Debian's asks for OpenCL's headers, which the C
# interface for processors does not need.
find_path(OneDNN_INCLUDE_DIR dnnl.h)
find_library(OneDNN_LIBRARY dnnl)
set(OneDNN_VERSION "")
if(OneDNN_INCLUDE_DIR)
    find_file(OneDNN_VERSION_HEADER NAMES oneapi/dnnl/dnnl_version.h dnnl_version.h
              PATHS ${OneDNN_INCLUDE_DIR} NO_DEFAULT_PATH)
    file(STRINGS ${OneDNN_VERSION_HEADER} lines REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
    string(REPLACE ";" "." OneDNN_VERSION "${numbers}")
    string(REGEX MATCH "^[0-9]+" OneDNN_VERSION_MAJOR "${OneDNN_VERSION}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDNN REQUIRED_VARS OneDNN_LIBRARY OneDNN_INCLUDE_DIR
                                  VERSION_VAR OneDNN_VERSION)
if(OneDNN_FOUND AND NOT TARGET OneDNN::dnnl)
    add_library(OneDNN::dnnl UNKNOWN IMPORTED)
    set_target_properties(OneDNN::dnnl PROPERTIES IMPORTED_LOCATION ${OneDNN_LIBRARY}
                          INTERFACE_INCLUDE_DIRECTORIES ${OneDNN_INCLUDE_DIR})
endif()
mark_as_advanced(OneDNN_INCLUDE_DIR OneDNN_LIBRARY OneDNN_VERSION_HEADER)
