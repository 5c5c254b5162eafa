//! A client of an S3 server of the tests.

use object_store::aws::{AmazonS3, AmazonS3Builder};

use crate::start::{BUCKET, KEY, SECRET, Server};

/// Returns a client for the bucket of a server.
pub fn client(server: &Server) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id(KEY)
        .with_secret_access_key(SECRET)
        .build()
        .unwrap()
}
