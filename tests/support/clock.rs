//! Nodes whose clock is wrong, so that a moment can be old.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A library that makes the clock of a process go wrong by as many days as `DAYS_AGO` says, for `LD_PRELOAD`.
pub fn shim(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    let code = r#"
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        int clock_gettime(clockid_t id, struct timespec *at) {
            static int (*real)(clockid_t, struct timespec *);
            if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
            int result = real(id, at);
            const char *days = getenv("DAYS_AGO");
            if (result == 0 && id == CLOCK_REALTIME && days) at->tv_sec -= 86400L * atol(days);
            return result;
        }"#;
    std::fs::write(&source, code).expect("the source is written");
    let made =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(made.is_ok_and(|status| status.success()), "the C compiler that building needs makes it");
    library
}
