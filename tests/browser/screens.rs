//! Pictures of every page in every look: `screens/` in the target folder, and one contact sheet of them all.

use image::imageops::{FilterType, overlay};
use image::{Rgb, RgbImage};

use super::looks::Look;
use super::*;

/// How high a picture is on the contact sheet, pixels.
const ROW: u32 = 360;
/// Between two pictures, pixels.
const GAP: u32 = 12;

/// The contact sheet, and the folder of what is on it.
pub struct Sheet {
    folder: PathBuf,
    /// One row a look.
    rows: Vec<(String, Vec<RgbImage>)>,
}

impl Sheet {
    pub fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screens");
        std::fs::create_dir_all(&folder).expect("a folder for the pictures");
        Self { folder, rows: Vec::new() }
    }

    /// Takes the page as it is.
    pub fn draw(&mut self, page: &Browser, look: &Look, name: &str) {
        let png = page.screenshot(None);
        std::fs::write(self.folder.join(format!("{name}-{}.png", look.name)), &png).expect("it is written");
        let picture = image::load_from_memory(&png).expect("a picture").into_rgb8();
        let width = (picture.width() * ROW / picture.height()).max(1);
        let small = image::imageops::resize(&picture, width, ROW, FilterType::Triangle);
        match self.rows.iter_mut().find(|(row, _)| row == look.name) {
            Some((_, row)) => row.push(small),
            None => self.rows.push((look.name.to_owned(), vec![small])),
        }
    }

    /// Writes the contact sheet.
    pub fn write(&self) {
        let wide = |row: &[RgbImage]| row.iter().map(|picture| picture.width() + GAP).sum::<u32>() + GAP;
        let width = self.rows.iter().map(|(_, row)| wide(row)).max().unwrap_or(1);
        let height = u32::try_from(self.rows.len()).expect("few rows") * (ROW + GAP) + GAP;
        let mut sheet = RgbImage::from_pixel(width, height, Rgb([128, 128, 128]));
        let mut y = GAP;
        for (_, row) in &self.rows {
            let mut x = GAP;
            for picture in row {
                overlay(&mut sheet, picture, i64::from(x), i64::from(y));
                x += picture.width() + GAP;
            }
            y += ROW + GAP;
        }
        let path = self.folder.join("all.png");
        sheet.save(&path).expect("it is written");
        println!("every page in every look: {}", path.display());
    }
}
