# cmake -P would know no architecture: this is a project of its own, which only asks.
cmake_minimum_required(VERSION 3.19)
project(versions NONE)
find_package(mishikallm ${WANTED} REQUIRED)
