//! Makes the code of the published protos. protoc is not needed: protox reads them.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../core/plugin";
    let files = ["base/base.proto", "codec/codec.proto", "link/link.proto"].map(|f| format!("{root}/{f}"));
    let mut all = files.to_vec();
    all.push("proto/controller.proto".into());
    let mut folders = ["base", "codec", "link"].map(|d| format!("{root}/{d}")).to_vec();
    folders.push("proto".into());
    let descriptors = protox::compile(&all, &folders)?;
    tonic_prost_build::configure().build_client(false).build_transport(false).compile_fds(descriptors)?;
    for f in all {
        println!("cargo:rerun-if-changed={f}");
    }
    Ok(())
}
