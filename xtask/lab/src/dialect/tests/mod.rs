mod cisco;
mod dashes;
mod iputils;
mod others;
mod presets;
