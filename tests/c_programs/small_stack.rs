//! How large a stack the library needs: as much as the header says.

use std::process::Command;

use fitbit_simulator::{Decision, Simulator};

use crate::compilers::empty_folder;
use crate::run::{Way, build, talk};

/// Of the header's chapter on threads. Measured: 64 are enough, 56 are not.
const STACK_KIB: &str = "128";

#[test]
fn a_login_its_requests_and_its_renewals_need_no_more_stack_than_the_header_says() {
    let provider = Simulator::builder().tls(true).start().expect("the simulator starts");
    let ca_file = empty_folder("small_stack").join("ca.pem");
    std::fs::write(&ca_file, provider.ca_pem()).expect("the folder can be written to");
    let mut command = Command::new(build("small_stack", Way::Plain));
    command.arg(provider.uri()).arg(&ca_file).arg(STACK_KIB);
    talk(command, |question| {
        let (_, address) = question.rsplit_once(' ').expect("an address stands last");
        provider.visit(address, Decision::Grant).expect("a consent page")
    });
}
