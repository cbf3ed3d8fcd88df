//! Prints the ingest benchmark: `cargo run --release -p hutong-node --example ingest [records]`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let report = hutong_node::bench::ingest::run(directory.path(), records)?;
    let (validate, ingest) = (report.validate.per_cpu_second(records), report.ingest.per_cpu_second(records));
    println!("{validate} validated, {ingest} validated and stored per CPU second; {:?}", report);
    Ok(())
}
