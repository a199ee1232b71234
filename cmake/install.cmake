# What `cmake --install` puts where: program, library, header, man pages, completion,
# pkg-config file and CMake package. Everything is found relative to itself, so the tree may be
# moved.
include(CMakePackageConfigHelpers)

install(TARGETS spur_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS spur_library EXPORT SpurTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/spur.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# From lib/pkgconfig back to the prefix, however deep the library folder is.
file(RELATIVE_PATH SPUR_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" SPUR_PC_PREFIX "${SPUR_PC_PREFIX}")
configure_file(cmake/spur.pc.in ${PROJECT_BINARY_DIR}/spur.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/spur.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(SPUR_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/Spur)
install(EXPORT SpurTargets NAMESPACE Spur:: DESTINATION ${SPUR_PACKAGE_FOLDER})
configure_package_config_file(cmake/SpurConfig.cmake.in ${PROJECT_BINARY_DIR}/SpurConfig.cmake
                              INSTALL_DESTINATION ${SPUR_PACKAGE_FOLDER})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/SpurConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/SpurConfig.cmake
              ${PROJECT_BINARY_DIR}/SpurConfigVersion.cmake
        DESTINATION ${SPUR_PACKAGE_FOLDER})

install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        FILES_MATCHING PATTERN "*.1")
install(FILES ${PROJECT_BINARY_DIR}/completion/spur.bash RENAME spur
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PROJECT_BINARY_DIR}/completion/spur.zsh RENAME _spur
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${PROJECT_BINARY_DIR}/completion/spur.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The small models of `spur demo`, which the program finds relative to itself.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/share/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/spur
        OPTIONAL)
