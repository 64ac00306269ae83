// SPDX-License-Identifier: MPL-2.0
//! How fast artifacts are hashed and signatures verified.

use std::hint::black_box;

use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::signer::{Signer as _, SigningKey};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn digests(criterion: &mut Criterion) {
    let data = vec![0x5a; 1 << 20];
    let mut group = criterion.benchmark_group("digest");
    group.throughput(Throughput::Bytes(1 << 20));
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        group.bench_function(algorithm.as_str(), |bencher| {
            bencher.iter(|| Digest::of(algorithm, black_box(&data)));
        });
    }
}

fn signatures(criterion: &mut Criterion) {
    let key = SigningKey::from_seed([7; 32]);
    let message = vec![0x5a; 4096];
    let Ok(signature) = key.sign(&message) else {
        return;
    };
    criterion.bench_function("ed25519/verify", |bencher| {
        bencher.iter(|| {
            key.public_key()
                .verify(black_box(&message), &signature.into())
        });
    });
}

criterion_group!(benches, digests, signatures);
criterion_main!(benches);
