//! The bill of materials, as CycloneDX 1.5.

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::component::Component;
use super::release::Release;

/// The bill of `release`, which is made of `components`.
pub(crate) fn write(release: &Release, components: &[Component]) -> Result<Vec<u8>> {
    let main = format!("pkg:generic/monitord@{}", release.version);
    let parts: Vec<&str> = components.iter().map(|component| component.purl.as_str()).collect();
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": release.moment()?.to_string(),
            "component": {
                "type": "application",
                "bom-ref": main,
                "name": "monitord",
                "version": release.version,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "purl": main,
            },
            "properties": [{ "name": "target", "value": release.target }],
        },
        "components": components.iter().map(component).collect::<Vec<_>>(),
        "dependencies": [{ "ref": main, "dependsOn": parts }],
    });
    // The number of a bill is random by custom. Here the same bill has the same number.
    bill["serialNumber"] = json!(serial_number(&serde_json::to_vec(&bill)?));
    let mut bytes = serde_json::to_vec_pretty(&bill)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn component(component: &Component) -> Value {
    let Component { name, version, licence, purl, .. } = component;
    let mut value = json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{ "expression": licence }],
        "purl": purl,
    });
    if let Some(cpe) = &component.cpe {
        value["cpe"] = json!(cpe);
    }
    value
}

/// A UUID of version 8, whose bits are a digest.
fn serial_number(content: &[u8]) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(content)[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = super::sums::hex(&bytes);
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_bill_is_a_uuid_and_that_of_its_contents() {
        let number = serial_number(b"some");
        assert_eq!(number, serial_number(b"some"));
        assert_ne!(number, serial_number(b"other"));
        let uuid = number.strip_prefix("urn:uuid:").unwrap();
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "8");
    }
}
