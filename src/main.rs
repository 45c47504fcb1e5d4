//! The `watchkeeper` binary: reads the command line, hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchkeeper::cli::main()
}
