mod media;

fn main() {}
