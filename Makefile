# The front door. Each target is one script in tools/, which says what it does at its head.
.DEFAULT_GOAL := help
.PHONY: help up test test-full cron-sweep build bench bench-long lint format clean-machine clean

help:
	@echo 'make up             set up, build, serve, run the sample pipelines, until Ctrl-C'
	@echo 'make test           set up, build, run all tests'
	@echo 'make test-full      the same and the long ones: thread sanitizer, fuzzing'
	@echo 'make cron-sweep     fire times of all time zones from 2000 to 2100 against an oracle'
	@echo 'make build          build/headgate, build/plugins/*.so, frontend/dist/'
	@echo 'make bench          benchmarks against psql and graphile-worker'
	@echo 'make bench-long     the same, with ten times the rows and longer'
	@echo 'make lint           formatting, layers, banned functions, sizes, clang-tidy'
	@echo 'make format         bring the sources into form'
	@echo 'make clean-machine  prove `make test` and `make up` on a bare Debian 12 (chroot, needs root)'
	@echo 'make clean          remove what was built'

up:
	@tools/up

test:
	@tools/setup test
	@/usr/bin/python3 tools/test

test-full:
	@tools/setup test-full
	@/usr/bin/python3 tools/test --full

cron-sweep:
	@tools/setup test
	@/usr/bin/python3 tools/test cron-sweep

build:
	@tools/setup up
	@tools/build

bench:
	@tools/setup bench
	@tools/build
	@tests/bench/run

bench-long:
	@tools/setup bench
	@tools/build
	@HG_BENCH_LONG=1 tests/bench/run

lint:
	@tools/setup test
	@/usr/bin/python3 tools/lint

format:
	@tools/setup test
	@/usr/bin/python3 tools/lint --fix

clean-machine:
	@tools/setup clean-machine
	@tools/clean-machine

clean:
	rm -rf build frontend/dist
