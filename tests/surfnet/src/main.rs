//! A Solana RPC endpoint on a free loopback port: prints its URL, runs until stdin closes. It never asks another node.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::exit;
use std::thread;

use crossbeam_channel::unbounded;
use surfpool_core::start_local_surfnet;
use surfpool_core::surfnet::svm::{SurfnetSvm, SurfnetSvmConfig};
use surfpool_types::{RpcConfig, SimnetConfig, SimnetEvent, SurfpoolConfig};

/// A loopback port nobody listens on just now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn main() -> io::Result<()> {
    let host = "127.0.0.1".to_owned();
    let rpc = RpcConfig { bind_host: host, bind_port: free_port()?, ws_port: free_port()?, ..RpcConfig::default() };
    let url = format!("http://{}", rpc.get_rpc_base_url());
    // Slots are short, so that tests that wait for one wait little.
    let simnet = SimnetConfig {
        offline_mode: true,
        remote_rpc_url: None,
        slot_time: 50,
        instruction_profiling_enabled: false,
        ..SimnetConfig::default()
    };
    let svm = SurfnetSvmConfig { slot_time: 50, instruction_profiling_enabled: false, ..SurfnetSvmConfig::default() };
    let (svm, events, geyser) = SurfnetSvm::new(svm).map_err(|error| io::Error::other(error.to_string()))?;
    let config = SurfpoolConfig { simnets: vec![simnet], rpc, ..SurfpoolConfig::default() };
    let (commands, received) = unbounded();

    thread::spawn(move || {
        let run = start_local_surfnet(svm, config, commands, received, geyser);
        if let Err(error) = hiro_system_kit::nestable_block_on(run) {
            eprintln!("surfnet: {error}");
            exit(1);
        }
    });
    // Nobody else reads the events; left alone they would fill their buffer.
    thread::spawn(move || {
        for event in events {
            if matches!(event, SimnetEvent::CoreStarted(_)) {
                println!("{url}");
                let _the_reader_left = io::stdout().flush();
            }
        }
    });

    let mut rest = Vec::new();
    io::stdin().read_to_end(&mut rest)?;
    exit(0)
}
