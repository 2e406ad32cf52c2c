//! Seeded randomness: one independent stream per purpose, so that a change to one table leaves the others as they were.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The stream of a purpose, `index` telling equal purposes apart (a store, a month).
pub(super) fn stream(seed: u64, purpose: &str, index: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(xxh3_64_with_seed(purpose.as_bytes(), seed));
    rng.set_stream(index as u64);
    rng
}

/// A standard normal value (Box and Muller 1958).
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.r#gen::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.r#gen::<f64>()).cos()
}

/// A Poisson count: by multiplication (Knuth, TAOCP 2, 3.4.1) where the mean is small, by the normal approximation beyond.
pub(super) fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> u32 {
    if mean > 30.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0) as u32;
    }
    let limit = (-mean).exp();
    let mut product = rng.r#gen::<f64>();
    let mut count = 0;
    while product > limit {
        product *= rng.r#gen::<f64>();
        count += 1;
    }
    count
}

/// One of several.
pub(super) fn pick<T: Copy>(rng: &mut ChaCha8Rng, choices: &[T]) -> T {
    choices[rng.gen_range(0..choices.len())]
}
