//! `rushlight-devnet`: a small CometBFT network on loopback, from one command.

#![forbid(unsafe_code)]

mod args;

use args::Args;
use clap::Parser;
use rushlight_devnet::{Devnet, LastCommit, wall_clock};
use std::process::ExitCode;
use std::time::Instant;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rushlight-devnet: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let has_time = args.genesis_time.is_some();
    let (json, checkpoint) = (args.json, args.checkpoint);
    let mut plan = args.into_plan()?;
    if !has_time {
        plan = plan.timed(wall_clock());
    }
    let (chain, lies, started) = (plan.chain.clone(), plan.providers.clone(), Instant::now());
    let devnet = Devnet::start(plan).await?;
    let height = checkpoint.unwrap_or(chain.initial_height);
    let hash = devnet.hash(height).ok_or("the checkpoint's height is not there")?.to_string();
    let time = devnet.time(height).map(|time| time.to_rfc3339()).unwrap_or_default();
    if json {
        let line = serde_json::json!({
            "chain_id": chain.chain_id, "urls": devnet.urls(), "tip": devnet.tip(),
            "checkpoint": { "height": height, "hash": hash, "time": time },
            "made_in_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "pid": std::process::id(),
        });
        println!("{line}");
    } else {
        println!("chain      {}, {} validators, tip {}", chain.chain_id, chain.validators, devnet.tip());
        for (url, lie) in devnet.urls().iter().zip(lies) {
            println!("provider   {url}{}", lie.map_or_else(String::new, |lie| format!("  {lie}")));
        }
        println!("checkpoint height {height} hash {hash} time {time}");
        if chain.last_commit == LastCommit::Sparse {
            println!("note       headers name no real commit in last_commit_hash (see --last-commit)");
        }
        println!("made in    {:.1} s", started.elapsed().as_secs_f64());
        println!("stop       Ctrl-C, or: kill {}", std::process::id());
    }
    wait_for_end().await?;
    let answered = devnet.answered();
    devnet.stop().await;
    eprintln!("stopped after {answered} answers");
    Ok(())
}

#[cfg(unix)]
async fn wait_for_end() -> std::io::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = term.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
