mod broken;
mod learn;
