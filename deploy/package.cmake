# SPDX-License-Identifier: Apache-2.0
# What is installed where, and the Debian packages of it:
#   cmake --install build/release
#   cpack --config build/release/CPackConfig.cmake -B packages     # interurban_0.1.0-1_amd64.deb and interurban-web_…
# The same sources give the same bytes, wherever they are built. A package that replaces another of the same version needs a higher
# revision: -DIU_PACKAGE_REVISION=2.
set(IU_PACKAGE_REVISION 1 CACHE STRING "the packages' revision, behind the version")
set(IU_PACKAGE_MAINTAINER "Interurban contributors <packages@interurban.invalid>" CACHE STRING "who answers for the packages")

# The time that stands in the packages is that of the sources.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(package_epoch $ENV{SOURCE_DATE_EPOCH})
else()
  execute_process(COMMAND git log -1 --format=%ct WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE package_epoch
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT package_epoch MATCHES "^[0-9]+$")
  set(package_epoch 0)
endif()
set(epoch_before $ENV{SOURCE_DATE_EPOCH})
set(ENV{SOURCE_DATE_EPOCH} ${package_epoch})
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(ENV{SOURCE_DATE_EPOCH} ${epoch_before})

# --- made of the programs and pages ---
set(DIST ${CMAKE_BINARY_DIR}/dist)
file(MAKE_DIRECTORY ${DIST})
configure_file(${CMAKE_SOURCE_DIR}/deploy/debian/changelog.in ${DIST}/changelog.Debian @ONLY)
set(dist_files)
function(iu_dist name source) # DIST/name: `source`, compressed without name and time
  add_custom_command(OUTPUT ${DIST}/${name} COMMAND gzip -9n <${source} >${DIST}/${name} DEPENDS ${source})
  set(dist_files ${dist_files} ${DIST}/${name} PARENT_SCOPE)
endfunction()
function(iu_completion name shell) # DIST/name: what `interurban completion SHELL` prints
  add_custom_command(OUTPUT ${DIST}/${name} COMMAND interurban completion ${shell} >${DIST}/${name} DEPENDS interurban)
  set(dist_files ${dist_files} ${DIST}/${name} PARENT_SCOPE)
endfunction()
iu_completion(interurban.1 man)
iu_completion(interurban bash)
iu_completion(_interurban zsh)
iu_dist(interurban.1.gz ${DIST}/interurban.1)
iu_dist(interurband.8.gz ${CMAKE_SOURCE_DIR}/daemon/node/interurband.8)
iu_dist(interurban.conf.5.gz ${CMAKE_SOURCE_DIR}/daemon/node/interurban.conf.5)
iu_dist(interurban-web.8.gz ${CMAKE_SOURCE_DIR}/daemon/web/interurban-web.8)
iu_dist(changelog.Debian.gz ${DIST}/changelog.Debian)
add_custom_target(dist ALL DEPENDS ${dist_files})

# --- where it goes ---
set(ETC /etc/interurban) # the programs look there, wherever they are installed
set(UNITS lib/systemd/system)
function(iu_install_docs component package)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/debian/copyright ${DIST}/changelog.Debian.gz DESTINATION share/doc/${package}
    COMPONENT ${component})
endfunction()
install(TARGETS interurband interurban RUNTIME DESTINATION bin COMPONENT node)
install(FILES ${DIST}/interurban.1.gz DESTINATION share/man/man1 COMPONENT node)
install(FILES ${DIST}/interurban.conf.5.gz DESTINATION share/man/man5 COMPONENT node)
install(FILES ${DIST}/interurband.8.gz DESTINATION share/man/man8 COMPONENT node)
install(FILES ${DIST}/interurban DESTINATION share/bash-completion/completions COMPONENT node)
install(FILES ${DIST}/_interurban DESTINATION share/zsh/vendor-completions COMPONENT node)
install(FILES deploy/interurban.conf DESTINATION ${ETC} COMPONENT node)
install(DIRECTORY DESTINATION ${ETC}/conf.d COMPONENT node)
install(FILES deploy/interurban.service deploy/interurban-outbox.service DESTINATION ${UNITS} COMPONENT node)
install(FILES deploy/interurban.sysusers DESTINATION lib/sysusers.d RENAME interurban.conf COMPONENT node)
install(FILES deploy/interurban.tmpfiles DESTINATION lib/tmpfiles.d RENAME interurban.conf COMPONENT node)
install(FILES deploy/interurban.catalog DESTINATION lib/systemd/catalog COMPONENT node)
install(FILES deploy/alerts.yml deploy/grafana.json DESTINATION share/interurban COMPONENT node)
install(FILES README.md ARCHITECTURE.md docs/keys.md proto/PROTOCOL.md DESTINATION share/doc/interurban COMPONENT node)
install(FILES ${CMAKE_BINARY_DIR}/verify.html DESTINATION share/interurban COMPONENT node)
install(FILES deploy/debian/interurban/lintian-overrides DESTINATION share/lintian/overrides RENAME interurban COMPONENT node)
iu_install_docs(node interurban)

install(TARGETS interurban-web RUNTIME DESTINATION bin COMPONENT web)
install(FILES ${DIST}/interurban-web.8.gz DESTINATION share/man/man8 COMPONENT web)
install(FILES deploy/interurban-web.default DESTINATION /etc/default RENAME interurban-web COMPONENT web)
install(FILES deploy/interurban-web.service deploy/interurban-web.socket DESTINATION ${UNITS} COMPONENT web)
install(FILES deploy/interurban-web.sysusers DESTINATION lib/sysusers.d RENAME interurban-web.conf COMPONENT web)
install(FILES deploy/debian/interurban-web/lintian-overrides DESTINATION share/lintian/overrides RENAME interurban-web COMPONENT web)
iu_install_docs(web interurban-web)

# --- the packages ---
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME interurban)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "${IU_PACKAGE_MAINTAINER}")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL node web)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PROJECT_CONFIG_FILE ${DIST}/cpack.cmake)
file(WRITE ${DIST}/cpack.cmake "set(ENV{SOURCE_DATE_EPOCH} ${package_epoch})\n")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${IU_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(debian ${CMAKE_SOURCE_DIR}/deploy/debian)

set(CPACK_DEBIAN_NODE_PACKAGE_NAME interurban)
set(CPACK_DEBIAN_NODE_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_NODE_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_NODE_PACKAGE_CONTROL_EXTRA ${debian}/interurban/postinst ${debian}/interurban/prerm ${debian}/interurban/postrm
  ${debian}/interurban/conffiles)
set(CPACK_COMPONENT_NODE_DESCRIPTION "node of a city in a net of public records without a hub
Every city, region and association of local governments runs a node of its
own. Nodes publish signed documents, follow each other's records, and pass
them on: directly, over mutual TLS, without a hub, an account or a certificate
authority. Anyone can check any copy without a node.
.
This package holds the node, its command line and their manual.")

set(CPACK_DEBIAN_WEB_PACKAGE_NAME interurban-web)
set(CPACK_DEBIAN_WEB_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_WEB_PACKAGE_DEPENDS "adduser, interurban (= ${PROJECT_VERSION}-${IU_PACKAGE_REVISION})")
set(CPACK_DEBIAN_WEB_PACKAGE_CONTROL_EXTRA ${debian}/interurban-web/postinst ${debian}/interurban-web/prerm
  ${debian}/interurban-web/postrm ${debian}/interurban-web/conffiles)
set(CPACK_COMPONENT_WEB_DESCRIPTION "public pages of an interurban node
Serves what a node of the interurban system holds and everybody may read:
documents, cities, topics and search, as pages that work without scripts.
.
It is a process and a user of its own, and learns of the node only over a
socket for reading.")
include(CPack)
