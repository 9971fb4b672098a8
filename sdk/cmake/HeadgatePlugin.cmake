# headgate_add_plugin(name SOURCES a.c ... [LIBS library ...] [OUTPUT directory])
#
# Builds a plugin: one shared object that exports hg_module_v0 and nothing else. In-tree plugins and
# those of outside authors are built by this same function.

set(HEADGATE_PLUGIN_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(headgate_add_plugin name)
  cmake_parse_arguments(ARG "" "OUTPUT" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_OUTPUT)
    set(ARG_OUTPUT ${CMAKE_BINARY_DIR}/plugins)
    set_property(GLOBAL APPEND PROPERTY HEADGATE_PLUGINS ${name})
  endif()
  add_library(${name} MODULE ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE headgate::sdk ${ARG_LIBS})
  set_target_properties(
    ${name}
    PROPERTIES PREFIX ""
               C_VISIBILITY_PRESET hidden
               LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT}
               LINK_DEPENDS ${HEADGATE_PLUGIN_EXPORTS})
  target_link_options(${name} PRIVATE -Wl,--version-script=${HEADGATE_PLUGIN_EXPORTS} -Wl,-z,now)
  if(NOT HG_SANITIZE)
    # The sanitizers' own symbols are in the executable.
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
